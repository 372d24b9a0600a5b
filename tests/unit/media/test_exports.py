"""What is made of a video to share: its parts in step and in sync, of a size that can be sent."""

import io
import tracemalloc
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fyp_media.errors import InputError
from fyp_media.exports.captions import caption_bar
from fyp_media.exports.frames_zip import write_frames_zip
from fyp_media.exports.gif import export_gif
from fyp_media.exports.side_by_side import Panel, write_side_by_side
from fyp_media.read_video import probe, read_frames
from fyp_media.write_video import write_video
from tests.unit.media.test_sound import film, tone


def ramp(
    count: int, first: int = 20, step: int = 8, height: int = 96, width: int = 64
) -> Iterator[np.ndarray]:
    """Grey frames, each brighter than the one before."""
    for index in range(count):
        yield np.full((height, width, 3), first + index * step, np.uint8)


def test_side_by_side_plays_in_step(tmp_path: Path) -> None:
    source, result = tmp_path / "source.mp4", tmp_path / "result.mp4"
    write_video(source, ramp(24, width=192), 24)
    write_video(
        result, ramp(4, first=20 + 4 * 8, step=5 * 8, height=48, width=48), 24 / 5
    )  # frames 4, 9, 14, 19

    write_side_by_side(tmp_path / "both.mp4", [Panel(source, "Source", 4 / 24), Panel(result, "a robot")])

    frames = list(read_frames(tmp_path / "both.mp4"))
    info = probe(tmp_path / "both.mp4")
    assert (info.fps, len(frames)) == (pytest.approx(24), 20)
    left, right = 512, 256  # 2:1 and 1:1, both enlarged to 256 pixels high
    assert info.width == pytest.approx(left + right, abs=6)
    for index, frame in enumerate(frames):
        shown = frame[100, 100, 0], frame[100, -100, 0]
        expected = 20 + 8 * (4 + index), 20 + 8 * (4 + index // 5 * 5)
        assert shown == pytest.approx(expected, abs=3), index
    captions = frames[0][256:]
    assert captions[:, :left].max() > 200 and captions[:, -right:].max() > 200  # both have text


def test_a_source_that_ends_before_the_result_stays_on_its_last_frame(tmp_path: Path) -> None:
    source, result = tmp_path / "source.mp4", tmp_path / "result.mp4"
    write_video(source, ramp(6), 24)
    write_video(result, ramp(2, step=5), 24 / 5)
    write_side_by_side(tmp_path / "both.mp4", [Panel(source, ""), Panel(result, "")])
    frames = list(read_frames(tmp_path / "both.mp4"))
    assert [frame[100, 50, 0] for frame in frames[5:]] == pytest.approx([20 + 5 * 8] * 5, abs=3)


def test_the_sound_of_the_source_is_in_sync_and_its_crop_is_cut_off(tmp_path: Path) -> None:
    source = film(tmp_path / "source.mp4", seconds=6, tone_from=2.5, tone_to=3.0)
    result = tmp_path / "result.mp4"
    write_video(result, ramp(8), 4)
    panels = [Panel(source, "Source", 2.0, crop=(8, 8, 0, 0)), Panel(result, "a panda")]
    write_side_by_side(tmp_path / "both.mp4", panels, sound=source)
    assert tone(tmp_path / "both.mp4") == pytest.approx((0.5, 1.0), abs=0.06)
    info = probe(tmp_path / "both.mp4")
    assert info.duration == pytest.approx(2, abs=0.05)
    assert info.width == pytest.approx(128 + 171, abs=6)  # half of a square, and 2:3


def test_long_captions_are_shortened() -> None:
    short, long = caption_bar("a robot", 200, 14), caption_bar("a very long prompt " * 40, 200, 14)
    assert short.shape == long.shape == (*short.shape[:1], 200, 3)
    assert long.max() > 200
    assert caption_bar("word" * 200, 60, 14)[:, -4:].max() < 60  # nothing reaches the edge


def test_a_gif_is_shrunk_and_slowed_to_what_can_be_sent(tmp_path: Path) -> None:
    write_video(tmp_path / "v.mp4", ramp(12, height=600, width=1000), 30)
    export_gif(tmp_path / "v.mp4", tmp_path / "v.gif")
    info = probe(tmp_path / "v.gif")
    assert (info.width, info.height, info.frame_count) == (480, 288, 6)
    shown = [frame[100, 100, 0] for frame in read_frames(tmp_path / "v.gif")]
    assert shown == pytest.approx([20 + 16 * index for index in range(6)], abs=4)


def test_frames_come_as_pictures(tmp_path: Path) -> None:
    write_video(tmp_path / "v.mp4", ramp(3), 8)
    write_frames_zip(tmp_path / "v.mp4", tmp_path / "frames.zip")
    with zipfile.ZipFile(tmp_path / "frames.zip") as archive:
        assert archive.namelist() == ["frame_00001.png", "frame_00002.png", "frame_00003.png"]
        last = np.asarray(Image.open(io.BytesIO(archive.read("frame_00003.png"))))
    assert np.array_equal(last, list(read_frames(tmp_path / "v.mp4"))[2])


@pytest.mark.parametrize("name", ["out.gif", "out.zip"])
def test_a_video_that_is_none_leaves_nothing(tmp_path: Path, name: str) -> None:
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    export = export_gif if name.endswith("gif") else write_frames_zip
    with pytest.raises(InputError, match="not a video"):
        export(tmp_path / "bad.mp4", tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["bad.mp4"]


def test_few_frames_are_held_at_a_time(tmp_path: Path) -> None:
    frame_bytes = 480 * 640 * 3
    write_video(tmp_path / "v.mp4", (np.full((480, 640, 3), 80, np.uint8) for _ in range(60)), 15)
    panels = [Panel(tmp_path / "v.mp4", "one"), Panel(tmp_path / "v.mp4", "two")]
    tracemalloc.start()
    try:
        write_side_by_side(tmp_path / "both.mp4", panels)
        export_gif(tmp_path / "v.mp4", tmp_path / "v.gif")
        write_frames_zip(tmp_path / "v.mp4", tmp_path / "v.zip")
        assert tracemalloc.get_traced_memory()[1] < 15 * frame_bytes
    finally:
        tracemalloc.stop()
