"""From collections of pictures to image-pose pairs: what is listed, kept, rejected and finished. Without Ray."""

from __future__ import annotations

import json
import pickle
import shutil
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from webdataset import TarWriter

from fyp_core.conditioning.skeleton_input import skeleton_to_tensor
from fyp_core.preparation import cluster
from fyp_core.preparation.collection import Collection, PictureUnit, ShardUnit, open_collection
from fyp_core.preparation.filters import Filters, Rejected
from fyp_core.preparation.prepare import prepare
from fyp_core.preparation.prepared_set import PreparedSet
from fyp_core.preparation.shard_maker import ShardMaker, ShardPlan, ShardRecord
from fyp_core.synthetic import WorldClip, sample_clip
from fyp_core.training.config import PictureShardsData
from fyp_core.training.data import open_dataset
from fyp_media.errors import InputError
from fyp_media.fit import fit_frames
from pose_extraction.poses import FramePoses

SETTINGS = {"min_size": 256}


def write_picture(path: Path, picture: np.ndarray, caption: str | None = "somebody") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path)
    if caption:
        path.with_suffix(".txt").write_text(caption)


def listed(path: Path | str, **columns: str) -> list[Any]:
    names = {"path_column": "path", "caption_column": "caption"} | columns
    return open_collection(str(path), shard_size=4, **names).units


def poses(*people: tuple[float, float]) -> FramePoses:
    """People of given height in pixels and score."""
    shape = np.stack([np.linspace(0, 0.5, 17), np.linspace(0, 1, 17)], axis=1)
    return FramePoses(
        np.array([height * shape for height, _ in people], np.float32).reshape(-1, 17, 2),
        np.array([[score] * 17 for _, score in people], np.float32).reshape(-1, 17),
    )


def test_folders_tables_and_shards_are_listed(tmp_path: Path) -> None:
    blank = np.zeros((8, 8, 3), np.uint8)
    for name in ("b.png", "sub/a.webp"):
        write_picture(tmp_path / "folder" / name, blank, "beside")
    write_picture(tmp_path / "folder/b.skeleton.png", blank, None)
    units = listed(tmp_path / "folder")
    assert [unit.name for unit in units] == ["b.png", "sub/a.webp"]
    ((_, read),) = units[1].pictures()
    assert read()["txt"] == b"beside"

    table = tmp_path / "t.csv"
    table.write_text("file,text\nfolder/b.png,from the table\n")
    (unit,) = listed(table, path_column="file", caption_column="text")
    ((name, read),) = unit.pictures()
    assert (name, read()["txt"]) == ("folder/b.png", b"from the table")

    with TarWriter(str(tmp_path / "0.tar")) as writer:
        writer.write({"__key__": "x/1", "txt": b"one", "png": b"1"})
        writer.write({"__key__": "x/2", "txt": b"two", "png": b"2"})
    (unit,) = listed(tmp_path / "0.tar")
    assert [(name, read()["txt"]) for name, read in unit.pictures()] == [
        (f"{tmp_path}/0.tar:x/1", b"one"),
        (f"{tmp_path}/0.tar:x/2", b"two"),
    ]
    assert listed("https://example.org/{0..2}.tar")[2] == ShardUnit("https://example.org/2.tar")


def test_of_several_captions_the_first_is_kept_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_picture(tmp_path / "a.png", np.zeros((8, 8, 3), np.uint8), None)
    (tmp_path / "t.csv").write_text("path,caption\na.png,\na.png,first\na.png,second\n")
    (unit,) = listed(tmp_path / "t.csv")
    ((_, read),) = unit.pictures()
    assert read()["txt"] == b"first"
    assert "2 of the 3 rows" in caplog.text


def test_a_damaged_shard_is_reported_after_the_samples_before_it(tmp_path: Path) -> None:
    with TarWriter(str(tmp_path / "0.tar")) as writer:
        writer.write({"__key__": "1", "txt": b"one"})
        writer.write({"__key__": "2", "txt": b"two" * 1000})
    (tmp_path / "0.tar").write_bytes((tmp_path / "0.tar").read_bytes()[:2000])
    *before, (_, read) = ShardUnit(str(tmp_path / "0.tar")).pictures()
    assert before[0][1]()["txt"] == b"one"
    with pytest.raises(InputError, match="cannot be read to its end"):
        read()


@pytest.mark.parametrize(
    ("found", "result"),
    [
        (poses(), "nobody found"),
        (poses((300, 0.4)), "confidence too low"),
        (poses((300, 0.9), (300, 0.2)), 1),
        (poses((50, 0.9)), "person too small"),
        (poses((50, 0.9), (300, 0.9)), 1),
        (poses(*[(300, 0.9)] * 4), 4),
        (poses(*[(300, 0.9)] * 5), "too many people"),
    ],
)
def test_who_is_kept(found: FramePoses, result: int | str) -> None:
    filters = Filters(min_confidence=0.5, min_person=0.2, max_people=4)
    if isinstance(result, int):
        assert len(filters.choose(found, 400, 400)) == result
    else:
        with pytest.raises(Rejected, match=result):
            filters.choose(found, 400, 400)


def test_small_pictures_are_rejected() -> None:
    Filters(min_size=256).check_size(256, 900)
    with pytest.raises(Rejected, match="picture too small"):
        Filters(min_size=256).check_size(900, 255)


CHARACTERS = {"policeman": 5, "superman": 3, "man": 4, "woman": 0}  # and seeds that MediaPipe sees well


def render(character: str) -> WorldClip:
    return sample_clip(np.random.default_rng(CHARACTERS[character]), 1, 384, character=character)


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rendered people, and pictures that are to be left out."""
    folder = tmp_path_factory.mktemp("people")
    for character in CHARACTERS:
        write_picture(folder / f"{character}.png", render(character).frames[0], f"a {character}")
    write_picture(folder / "black.png", np.zeros((300, 300, 3), np.uint8))
    write_picture(folder / "no_caption.png", np.zeros((300, 300, 3), np.uint8), None)
    write_picture(folder / "small.png", np.zeros((300, 100, 3), np.uint8))
    (folder / "broken.jpg").write_bytes(b"no picture")
    return folder


def make(folder: Path, plan: ShardPlan, **settings: Any) -> tuple[ShardRecord, Path]:
    folder.mkdir(parents=True, exist_ok=True)
    arguments = {"estimator": "mediapipe", "weights": None, "filters": Filters(), "caption_key": "caption"}
    result = ShardMaker(str(folder), **arguments | settings)({"plan": pickle.dumps(plan)})
    if result["problem"]:
        raise InputError(result["problem"])
    return ShardRecord(**json.loads(result["record"])), Path(result["shard"])


def test_a_prepared_shard_is_trained_on_with_the_skeleton_on_the_person(people: Path, tmp_path: Path) -> None:
    plan = ShardPlan(7, tuple(listed(people)))
    with PreparedSet.locked(tmp_path / "set", SETTINGS) as prepared:
        record, shard = make(prepared.unfinished, plan)
        prepared.finish(record, shard)
    assert record.kept == record.people == 4
    assert {reject["file"]: reject["reason"] for reject in record.rejects} == {
        "black.png": "nobody found",
        "no_caption.png": "no caption",
        "small.png": "picture too small",
        "broken.jpg": "unreadable",
    }
    assert [path.name for path in (tmp_path / "set").glob("*.tar")] == ["00007.tar"]

    pairs = PictureShardsData(path=str(tmp_path / "set"), width=256, height=256)
    data = open_dataset(pairs, with_skeleton=True, seed=0)
    samples = {sample["caption"]: sample for sample in map(data.__getitem__, range(4))}
    assert set(samples) == {f"a {character}" for character in CHARACTERS}
    true = {name: on_lines(skeleton_to_tensor(render(name).skeletons(), 256, 256)[0]) for name in CHARACTERS}
    for name in CHARACTERS:
        sample = samples[f"a {name}"]
        picture = fit_frames(render(name).frames, 256, 256)[0]
        assert np.abs((sample["pixels"].permute(1, 2, 0).numpy() + 1) * 127.5 - picture).mean() < 3  # JPEG
        drawn = on_lines(sample["skeleton"])
        assert near(true[name])[drawn].mean() > 0.9, name
        assert near(drawn)[true[name]].mean() > 0.9, name
        assert all(near(true[other])[drawn].mean() < 0.75 for other in CHARACTERS if other != name), name


def on_lines(skeleton: torch.Tensor) -> np.ndarray:
    """(3, H, W) in 0..1 to (H, W) bool."""
    return skeleton.amax(0).numpy() > 0.4


def near(lines: np.ndarray) -> np.ndarray:
    """(256, 256) bool: within 6 pixels, 2.5 % of the picture, of a line."""
    return cv2.dilate(lines.astype(np.uint8), np.ones((13, 13), np.uint8)) > 0


def test_stills_do_not_depend_on_those_before_them(people: Path, tmp_path: Path) -> None:
    """Tracking would expect the person of one picture in the next."""
    units = [unit for unit in listed(people) if unit.name in ("black.png", "woman.png")]
    first = next(unit for unit in listed(people) if unit.name == "man.png")
    alone, shard_alone = make(tmp_path / "alone", ShardPlan(0, tuple(units[1:])))
    among, shard_among = make(tmp_path / "among", ShardPlan(0, (first, *units)))
    assert (alone.kept, among.kept) == (1, 2)
    assert documents(shard_alone)[0]["annotations"] == documents(shard_among)[1]["annotations"]


def documents(shard: Path) -> list[dict[str, Any]]:
    return [json.loads(read()["json"]) for _, read in ShardUnit(str(shard)).pictures()]


def test_what_workers_die_over_again_and_again_is_named(people: Path, tmp_path: Path) -> None:
    plan = ShardPlan(0, (PictureUnit("first", "x"), PictureUnit("last", "y")))
    (tmp_path / "00000.attempts").write_bytes(b".....")
    with pytest.raises(InputError, match="from first to last"):
        make(tmp_path, plan)


def test_problems_of_all_parts_are_handed_back_as_a_sentence(people: Path, tmp_path: Path) -> None:
    plan = ShardPlan(0, tuple(listed(people)))
    with pytest.raises(InputError, match=r"There is no file nowhere\.pth; check the path\."):
        make(tmp_path, plan, estimator="hrnet", weights="nowhere.pth")
    maker = ShardMaker(str(tmp_path / "missing"), "mediapipe", None, Filters(), "caption")
    assert "Cannot write" in maker({"plan": pickle.dumps(plan)})["problem"]


def units(count: int) -> list[PictureUnit]:
    return [PictureUnit(f"{index:02d}.jpg", f"{index:02d}.jpg") for index in range(count)]


def test_parts_are_finished_once_and_the_rest_goes_on(tmp_path: Path) -> None:
    collection = open_collection_of(10)
    with PreparedSet.locked(tmp_path, SETTINGS) as prepared:
        plans = prepared.missing(collection)
        assert [len(plan.units) for plan in plans] == [4, 4, 2]
        for number in (0, 2):
            finish(prepared, plans[number])
        again = finish(prepared, plans[2], b"made twice")
        assert (tmp_path / "00002.tar").read_bytes() == b"shard 2"
        (prepared.unfinished / "half.tar").write_bytes(b"half")
        assert again.exists()
    assert not prepared.unfinished.exists()

    (tmp_path / "00001.tar").write_bytes(b"broken off before its record was written")
    with PreparedSet.locked(tmp_path, SETTINGS) as prepared:
        assert not (tmp_path / "00001.tar").exists()
        (plan,) = prepared.missing(open_collection_of(10))
        assert [unit.name for unit in plan.units] == ["04.jpg", "05.jpg", "06.jpg", "07.jpg"]
        assert plan.number == 3
        finish(prepared, plan)
        (added,) = prepared.missing(open_collection_of(12))
        assert [unit.name for unit in added.units] == ["10.jpg", "11.jpg"]
        summary = prepared.summarise({"seen": 4})
    assert (summary["seen"], summary["kept"], summary["shards"]) == (10, 10, 3)
    assert json.loads((tmp_path / "summary.json").read_text()) == summary


def open_collection_of(count: int) -> Collection:
    return Collection(units(count), 4)


def finish(prepared: PreparedSet, plan: ShardPlan, content: bytes | None = None) -> Path:
    shard = prepared.unfinished / f"{plan.number}-{content is None}.tar"
    shard.write_bytes(content or b"shard %d" % plan.number)
    names = [unit.name for unit in plan.units]
    prepared.finish(ShardRecord(plan.number, names, kept=len(names)), shard)
    return shard


def test_a_set_is_neither_mixed_nor_written_to_twice_at_once(tmp_path: Path) -> None:
    with PreparedSet.locked(tmp_path / "set", {"min_size": 1}):
        pass  # broken off before anything was finished: binds nobody
    assert not (tmp_path / "set").exists()
    with (
        PreparedSet.locked(tmp_path / "set", SETTINGS),
        pytest.raises(InputError, match="Another run writes"),
        PreparedSet.locked(tmp_path / "set", SETTINGS),
    ):
        pass
    with PreparedSet.locked(tmp_path / "set", SETTINGS) as prepared:
        finish(prepared, ShardPlan(0, tuple(units(1))))
    with (
        pytest.raises(InputError, match="made with min_size 256, not 64"),
        PreparedSet.locked(tmp_path / "set", {"min_size": 64}),
    ):
        pass
    (tmp_path / "other").mkdir()
    (tmp_path / "other/letter.txt").write_text("dear")
    with (
        pytest.raises(InputError, match="holds something else"),
        PreparedSet.locked(tmp_path / "other", SETTINGS),
    ):
        pass
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["letter.txt"]


def test_a_shard_that_is_not_there_tells_about_shared_storage(tmp_path: Path) -> None:
    with (
        PreparedSet.locked(tmp_path, SETTINGS) as prepared,
        pytest.raises(InputError, match="share"),
    ):
        prepared.finish(ShardRecord(0, ["a"], kept=1), prepared.unfinished / "nowhere.tar")


def test_a_set_keeps_the_estimator_that_auto_became(
    people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another machine, or this one when it has better weights, would choose another."""
    used = []

    class Here:
        def map(self, rows: list[dict[str, Any]], kind: type, **work: Any) -> Iterator[dict[str, str]]:
            used.append(work["estimator"])
            return map(kind(**work), rows)

    monkeypatch.setattr("fyp_core.preparation.prepare.connect", lambda *_: nullcontext(Here()))
    shutil.copytree(people, tmp_path / "people")
    prepare(str(tmp_path / "people"), tmp_path / "set")
    assert json.loads((tmp_path / "set/settings.json").read_text())["estimator"] == used[0] == "mediapipe"
    write_picture(tmp_path / "people/more.png", np.zeros((300, 300, 3), np.uint8))
    monkeypatch.setattr("fyp_core.preparation.prepare.choose_estimator", None)
    prepare(str(tmp_path / "people"), tmp_path / "set")
    assert used == ["mediapipe"] * 2


def test_bad_input_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "set"
    (tmp_path / "empty").mkdir()
    for source, message in (("nowhere", "no folder"), ("empty", "no pictures"), ("t.csv", "no file")):
        with pytest.raises(InputError, match=message):
            prepare(str(tmp_path / source), target)
    with pytest.raises(InputError, match="the input itself"):
        write_picture(tmp_path / "empty/a.png", np.zeros((8, 8, 3), np.uint8))
        prepare(str(tmp_path / "empty"), tmp_path / "empty")
    assert not target.exists()
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"requirements-data\.txt"), cluster.connect(None, 1, None):
        pass
