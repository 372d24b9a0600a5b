"""Results stay: complete, private, within their limits, and whatever kills the process meanwhile."""

import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fyp_media.errors import InputError
from fyp_media.read_video import probe
from fyp_media.write_video import write_video
from fyp_page.gallery import RESULT, Gallery, new_owner
from fyp_serving.limits import Limits
from tests.end_to_end.conftest import ROOT

ANNA, BEN = "anna", "ben"


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("made") / "out.mp4"
    pictures = np.full((4, 48, 64, 3), 80, np.uint8)
    pictures[2] = (200, 40, 40)
    write_video(path, pictures, 8)
    return path


@pytest.fixture
def gallery(tmp_path: Path) -> Gallery:
    return Gallery(tmp_path / "gallery")


def add(gallery: Gallery, owner: str, result: Path, prompt: str = "a robot") -> str:
    return gallery.add(owner, {RESULT: result}, prompt, {"seed": 1}).id


def prompts(gallery: Gallery, owner: str) -> list[str]:
    return [entry.prompt for entry in gallery.entries(owner)]


def files(gallery: Gallery) -> list[str]:
    """Of all entries; what else lies in the gallery's folder is its index."""
    return [str(path) for path in gallery.results.rglob("*") if path.is_file()]


def test_a_result_comes_back_whole_after_a_restart(gallery: Gallery, result: Path, tmp_path: Path) -> None:
    keypoints = tmp_path / "found.json"
    keypoints.write_text("{}")
    settings = {"seed": 3, "crop": [0, 0, 1, 1], "aspect": None}
    made = gallery.add(ANNA, {RESULT: result, "keypoints": keypoints}, "a panda on the moon", settings)

    (entry,) = Gallery(gallery.folder).entries(ANNA)

    assert entry == made
    assert (entry.prompt, entry.settings) == ("a panda on the moon", settings)
    assert entry.files[RESULT].read_bytes() == result.read_bytes()
    assert entry.files["keypoints"].name == "keypoints.json"
    assert abs(entry.created - time.time()) < 60
    with Image.open(entry.poster) as poster:
        assert poster.size == (64, 48)
        assert poster.getpixel((32, 24))[0] > 150  # the frame in the middle


def test_newest_first_and_each_owner_sees_its_own(gallery: Gallery, result: Path) -> None:
    ids = [add(gallery, ANNA, result, prompt) for prompt in ("one", "two", "three")]
    add(gallery, BEN, result, "four")

    assert prompts(gallery, ANNA) == ["three", "two", "one"]
    assert [entry.prompt for entry in gallery.entries(ANNA, most=2)] == ["three", "two"]
    assert prompts(gallery, BEN) == ["four"]
    with pytest.raises(InputError, match="no longer"):
        gallery.get(BEN, ids[0])
    gallery.delete(BEN, ids[0])
    assert gallery.get(ANNA, ids[0]).prompt == "one"


def test_delete_one_then_all(gallery: Gallery, result: Path) -> None:
    ids = [add(gallery, ANNA, result, prompt) for prompt in ("one", "two", "three")]
    add(gallery, BEN, result, "four")

    gallery.delete(ANNA, ids[1])
    assert prompts(gallery, ANNA) == ["three", "one"]
    gallery.delete(ANNA, ids[1])  # twice is no error

    gallery.delete_all(ANNA)
    assert prompts(gallery, ANNA) == []
    assert prompts(gallery, BEN) == ["four"]
    assert len(files(gallery)) == 2  # Ben's video and its poster


def test_the_oldest_make_room(gallery: Gallery, result: Path) -> None:
    add(gallery, ANNA, result, "one")
    small = Gallery(gallery.folder, max_bytes=2 * gallery.size())
    add(small, BEN, result, "two")
    add(small, ANNA, result, "three")

    assert prompts(small, ANNA) == ["three"]
    assert prompts(small, BEN) == ["two"]
    assert len(files(small)) == 4

    tiny = Gallery(gallery.folder, max_bytes=1)
    assert prompts(tiny, ANNA) == []
    add(tiny, ANNA, result, "kept, as it is the newest")
    assert len(prompts(tiny, ANNA)) == 1


def test_old_results_are_removed(gallery: Gallery, result: Path) -> None:
    add(gallery, ANNA, result)
    time.sleep(0.05)
    assert len(Gallery(gallery.folder, max_age=60).entries(ANNA)) == 1
    Gallery(gallery.folder, max_age=0.01)
    assert gallery.entries(ANNA) == []
    assert files(gallery) == []


def test_a_file_that_is_no_video_leaves_nothing(gallery: Gallery, result: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"no video")
    with pytest.raises(InputError, match="not a video"):
        add(gallery, ANNA, bad)
    with pytest.raises(InputError, match="cannot be kept"):
        gallery.add(ANNA, {RESULT: result, "source": tmp_path / "gone.mp4"}, "a robot", {})
    assert gallery.entries(ANNA) == []
    assert files(gallery) == []


def test_a_row_without_files_goes_and_files_of_others_stay(gallery: Gallery, result: Path) -> None:
    entry = gallery.get(ANNA, add(gallery, ANNA, result))
    (gallery.results / "my holiday").mkdir()
    for path in entry.poster.parent.iterdir():
        path.unlink()
    entry.poster.parent.rmdir()

    assert Gallery(gallery.folder).entries(ANNA) == []
    assert (gallery.results / "my holiday").is_dir()


def test_an_index_that_is_damaged_is_reported_and_nothing_removed(gallery: Gallery, result: Path) -> None:
    add(gallery, ANNA, result)
    (gallery.folder / "index.sqlite").write_bytes(b"damaged" * 1000)
    with pytest.raises(InputError, match="FYP_GALLERY"):
        Gallery(gallery.folder)
    assert len(files(gallery)) == 2


def test_the_limits_of_the_environment_hold(tmp_path: Path, result: Path) -> None:
    variables = {"FYP_DISK_MB": "0.000001", "FYP_KEEP_HOURS": "1"}
    limits = Limits.from_environment(variables)
    gallery = Gallery(tmp_path / "mine", max_bytes=limits.disk_bytes, max_age=limits.keep_seconds)
    add(gallery, ANNA, result, "one")
    add(gallery, ANNA, result, "two")
    assert prompts(gallery, ANNA) == ["two"]
    with pytest.raises(InputError, match="FYP_KEEP_HOURS"):
        Limits.from_environment(variables | {"FYP_KEEP_HOURS": "long"})
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="set FYP_GALLERY"):
        Gallery(tmp_path / "file" / "gallery")


def test_owners_cannot_be_guessed() -> None:
    assert len({new_owner() for _ in range(100)}) == 100
    assert len(new_owner()) >= 32


# --- processes that die, and several at once

_DIES_AT_EACH_STEP = """
    import os, signal, sys
    from fyp_page.gallery import Gallery

    folder, result = sys.argv[1:]
    kept = step = 0
    survived = False
    while not survived:
        step += 1
        child = os.fork()
        if child == 0:
            gallery = Gallery(folder)
            left = step
            def count(event, _):
                global left
                if event in ("open", "os.mkdir", "os.rename", "os.remove", "sqlite3.connect", "os.listdir"):
                    left -= 1
                    if left == 0:
                        os.kill(os.getpid(), signal.SIGKILL)
            sys.addaudithook(count)
            gallery.add("anna", {"result": result, "source": result}, "a robot", {})
            os._exit(0)
        survived = os.waitpid(child, 0)[1] == 0
        entries = Gallery(folder).entries("anna")
        kept += len(entries) > kept
        assert len(entries) == kept, (step, len(entries))
        for entry in entries:
            names = sorted(path.name for path in entry.poster.parent.iterdir())
            assert names == ["poster.jpg", "result.mp4", "source.mp4"], (step, names)
            assert entry.files["source"].stat().st_size == os.path.getsize(result), step
        assert len(os.listdir(Gallery(folder).results)) == kept, step
    print(step)
"""

_ADDS = """
    import sys
    from fyp_page.gallery import Gallery

    folder, result, count = sys.argv[1:]
    for number in range(int(count)):
        Gallery(folder).add("anna", {"result": result}, f"robot {number}", {})  # each looks for leftovers
"""


def script(code: str, *arguments: str | Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_process_killed_at_any_step_leaves_no_half_entry(tmp_path: Path, result: Path) -> None:
    output, errors = (process := script(_DIES_AT_EACH_STEP, tmp_path, result)).communicate(timeout=120)
    assert process.returncode == 0, errors
    assert int(output) > 8  # steps there are


def test_a_process_killed_at_any_time_leaves_no_half_entry(tmp_path: Path, result: Path) -> None:
    large = tmp_path / "large.mp4"
    large.write_bytes(result.read_bytes() + os.urandom(20_000_000))
    chance = random.Random(0)
    for number in range(3):
        folder = tmp_path / str(number)
        process = script(_ADDS, folder, large, "1000")
        begun = time.monotonic()
        while not (folder / "index.sqlite").exists() and time.monotonic() - begun < 60:
            time.sleep(0.02)
        time.sleep(chance.uniform(0.1, 0.6))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        gallery = Gallery(folder)
        entries = gallery.entries(ANNA)
        assert len(files(gallery)) == 2 * len(entries)
        assert all(entry.files[RESULT].stat().st_size == large.stat().st_size for entry in entries)


def test_several_processes_at_once(tmp_path: Path, result: Path) -> None:
    processes = [script(_ADDS, tmp_path, result, "10") for _ in range(3)]
    for process in processes:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
    entries = Gallery(tmp_path).entries(ANNA)
    assert len(entries) == 30
    assert all(probe(entry.files[RESULT]).frame_count == 4 and entry.poster.is_file() for entry in entries)
