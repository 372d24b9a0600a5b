"""Data that people have: what each source gives, and what becomes of samples that cannot be used."""

from __future__ import annotations

import io
import json
import logging
import struct
import subprocess
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import datasets
import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from webdataset import TarWriter

import train_followyourpose
from fyp_core.synthetic import WorldClip, sample_clip
from fyp_core.training.batches import batches
from fyp_core.training.config import (
    ClipShardsData,
    ClipTableData,
    HubData,
    ImageFolderData,
    PictureShardsData,
)
from fyp_core.training.config_file import check_config
from fyp_core.training.data import BadFiles, open_dataset
from fyp_core.training.loop import TrainingRun
from fyp_media.errors import InputError
from fyp_media.write_video import write_video
from pose_extraction.keypoint_files.coco import to_coco
from pose_extraction.motion.motion import Motion

SIZE = 64


def clip(seed: int, frames: int = 1, size: int = SIZE) -> WorldClip:
    return sample_clip(np.random.default_rng(seed), frames, size)


def keypoints(clip: WorldClip) -> dict[str, Any]:
    height, width = clip.frames.shape[1:3]
    return to_coco(Motion(clip.keypoints[:1], clip.scores[:1], height, width, 1.0))


def write_pictures(folder: Path, count: int) -> Path:
    """Rendered people with captions and keypoints beside them, some a folder deeper."""
    for index in range(count):
        shown = clip(index)
        picture = folder / ("more" if index % 2 else "") / f"{index:02d}.png"
        picture.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(shown.frames[0]).save(picture)
        document = keypoints(shown) | {"caption": f"person {index}"}
        picture.with_suffix(".json").write_text(json.dumps(document))
    return folder


def write_clips(folder: Path, count: int, frames: int = 12) -> Path:
    """A table of videos whose frame i is of brightness 20 i."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["path,caption"]
    for index in range(count):
        video = (
            np.full((frames, 48, 64, 3), 0, np.uint8)
            + 20 * np.arange(frames, dtype=np.uint8)[:, None, None, None]
        )
        write_video(folder / f"{index}.mp4", video, 8)
        lines.append(f'{index}.mp4,"clip {index}, a test"')
    (folder / "clips.csv").write_text("\n".join(lines))
    return folder / "clips.csv"


def write_shards(folder: Path, samples: list[dict[str, bytes]], *, per_shard: int) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for first in range(0, len(samples), per_shard):
        with TarWriter(str(folder / f"{first // per_shard:05d}.tar")) as writer:
            for number, files in enumerate(samples[first : first + per_shard], start=first):
                writer.write({"__key__": f"sample/{number:04d}"} | files)
    return folder


def picture_files(index: int) -> dict[str, bytes]:
    shown = clip(index)
    document = keypoints(shown) | {"caption": f"person {index}"}
    return {"png": encoded(shown.frames[0]), "json": json.dumps(document).encode()}


def encoded(picture: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    return buffer.getvalue()


def captions_of(data: Dataset, count: int, workers: int = 0) -> list[str]:
    loader = DataLoader(data, batch_size=2, sampler=range(count), num_workers=workers)
    return [caption for batch in loader for caption in batch["caption"]]


def is_person(sample: dict[str, Any], index: int) -> bool:
    """Whether pixels and skeleton are those of the rendered person."""
    shown = clip(index)
    skeleton = torch.from_numpy(shown.skeletons()[0]).permute(2, 0, 1) / 255
    pixels = torch.from_numpy(shown.frames[0]).permute(2, 0, 1) / 127.5 - 1
    return torch.equal(sample["pixels"], pixels) and bool((sample["skeleton"] - skeleton).abs().mean() < 2e-3)


def open_pictures(
    path: Path | str, kind: str = "images", keys: dict[str, Any] | None = None, **settings: Any
) -> Any:
    model = {"images": ImageFolderData, "webdataset": PictureShardsData, "hf": HubData}[kind]
    data = model(path=str(path), width=SIZE, height=SIZE, **(keys or {}))
    return open_dataset(data, **{"with_skeleton": True, "seed": 0} | settings)


def open_clips(
    path: Path,
    kind: str = "clips",
    *,
    frames: int = 3,
    seed: int = 0,
    bad_files: BadFiles | None = None,
    **keys: Any,
) -> Any:
    model = {"clips": ClipTableData, "webdataset": ClipShardsData}[kind]
    data = model(path=str(path), width=40, height=32, n_sample_frames=frames, **keys)
    return open_dataset(data, with_skeleton=False, seed=seed, bad_files=bad_files)


def brightness(sample: dict[str, Any]) -> list[int]:
    return [round(float(frame.mean() + 1) * 127.5 / 20) for frame in sample["pixels"].transpose(0, 1)]


def test_pictures_come_with_caption_and_the_skeleton_on_the_person(tmp_path: Path) -> None:
    data = open_pictures(write_pictures(tmp_path, 4))
    for index in range(4):
        sample = data[index]
        assert sample["pixels"].dtype == sample["skeleton"].dtype == torch.float32
        assert is_person(sample, int(sample["caption"].split()[1]))


def test_every_epoch_holds_every_sample_once_in_another_order(tmp_path: Path) -> None:
    data = open_pictures(write_pictures(tmp_path, 6), with_skeleton=False)
    epochs = [[data[6 * epoch + index]["caption"] for index in range(6)] for epoch in range(3)]
    assert all(len(set(epoch)) == 6 for epoch in epochs)
    assert len(set(map(tuple, epochs))) == 3
    again, other = (open_pictures(tmp_path, with_skeleton=False, seed=seed) for seed in (0, 1))
    assert [again[index]["caption"] for index in range(18)] == list(chain(*epochs))
    assert [other[index]["caption"] for index in range(18)] != list(chain(*epochs))


def test_a_picture_is_resized_and_cropped_with_its_skeleton(tmp_path: Path) -> None:
    shown = clip(0)
    canvas = np.zeros((SIZE, 3 * SIZE, 3), np.uint8)
    canvas[:, SIZE : 2 * SIZE] = shown.frames[0]
    Image.fromarray(canvas).save(tmp_path / "wide.png")
    (tmp_path / "wide.txt").write_text("  a wide one\n")
    moved = Motion(shown.keypoints + np.array([SIZE, 0]), shown.scores, SIZE, 3 * SIZE, 1.0)
    (tmp_path / "wide.json").write_text(json.dumps(to_coco(moved)))
    sample = open_pictures(tmp_path)[0]
    assert sample["caption"] == "a wide one"
    assert torch.equal(sample["pixels"], torch.from_numpy(shown.frames[0]).permute(2, 0, 1) / 127.5 - 1)
    lit = sample["skeleton"].amax(0) > 0.5
    thin = torch.from_numpy(shown.skeletons()[0]).amax(-1) > 200
    assert lit[thin].float().mean() > 0.95


def test_a_drawn_skeleton_does_as_well(tmp_path: Path) -> None:
    shown = clip(3)
    Image.fromarray(shown.frames[0]).save(tmp_path / "a.webp", lossless=True)
    (tmp_path / "a.txt").write_text("somebody")
    Image.fromarray(shown.skeletons()[0]).save(tmp_path / "a.skeleton.png")
    data = open_pictures(tmp_path)
    assert len(data.source) == 1
    assert torch.equal(data[0]["skeleton"], torch.from_numpy(shown.skeletons()[0]).permute(2, 0, 1) / 255)


def test_without_keypoints_prepare_data_is_recommended(tmp_path: Path) -> None:
    Image.fromarray(clip(0).frames[0]).save(tmp_path / "a.jpg")
    (tmp_path / "a.txt").write_text("somebody")
    assert open_pictures(tmp_path, with_skeleton=False)[0]["caption"] == "somebody"
    with pytest.raises(InputError, match="python -m fyp_core prepare-data"):
        open_pictures(tmp_path)


def test_the_skeleton_of_another_picture_is_refused(tmp_path: Path) -> None:
    write_pictures(tmp_path, 1)
    Image.fromarray(np.zeros((SIZE, 2 * SIZE, 3), np.uint8)).save(tmp_path / "00.png")
    with pytest.raises(InputError, match="other proportions"):
        open_pictures(tmp_path)


def test_bad_pictures_are_skipped_counted_and_listed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = write_pictures(tmp_path / "people", 6)
    (folder / "00.png").write_bytes(b"no picture")
    (folder / "02.json").write_text("[")
    (folder / "04.json").write_text(json.dumps({"caption": " "}))
    report = tmp_path / "run/bad_files.jsonl"
    data = open_pictures(folder, bad_files=BadFiles(report))
    batches = DataLoader(data, batch_size=3, sampler=range(12), num_workers=2)
    captions = [caption for batch in batches for caption in batch["caption"]]
    assert set(captions) == {"person 1", "person 3", "person 5"}
    assert captions == [data[index]["caption"] for index in range(12)]
    found = data.bad_files.reasons()
    assert {Path(file).stem for file in found} == {"00", "02", "04"}
    assert "damaged" in found[str(folder / "00.png")]
    with caplog.at_level(logging.WARNING):
        data.bad_files.log_summary()
    assert "3 files were skipped" in caplog.text
    assert str(report) in caplog.text


def test_a_picture_with_damaged_exif_is_skipped(tmp_path: Path) -> None:
    """Turned by its EXIF, whose camera maker is a number: Pillow fails over it with AttributeError."""
    write_pictures(tmp_path, 2)
    tags = struct.pack("<HHHIIHHIf", 2, 0x112, 3, 1, 6, 0x10F, 11, 1, 0.5)
    exif = b"Exif\0\0II*\0" + struct.pack("<I", 8) + tags + struct.pack("<I", 0)
    Image.fromarray(clip(0).frames[0]).save(tmp_path / "00.png", exif=exif)
    data = open_pictures(tmp_path)
    assert [data[index]["caption"] for index in range(4)] == ["person 1"] * 4
    assert "damaged" in data.bad_files.reasons()[str(tmp_path / "00.png")]


def test_a_run_tells_what_it_skipped_however_it_ends(
    tmp_path: Path, tiny_model_dir: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """And the next one does not count what was repaired in between."""
    broken = write_pictures(tmp_path / "people", 4) / "00.png"
    whole = broken.read_bytes()
    broken.write_bytes(b"no picture")
    settings = {
        "stage": "pose",
        "pretrained_model_path": str(tiny_model_dir),
        "output_dir": str(tmp_path / "out"),
        "train_data": {"kind": "images", "path": str(tmp_path / "people"), "width": 32, "height": 32},
        "train_batch_size": 4,
        "max_train_steps": 1,
    }
    config = tmp_path / "pose.yaml"
    config.write_text(json.dumps(settings))  # which YAML is, too
    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(TrainingRun, "steps", interrupted)
        train_followyourpose.main([f"--config={config}"])
    assert "1 files were skipped" in caplog.text
    report = tmp_path / "out/bad_files.jsonl"
    assert str(broken) in report.read_text()

    broken.write_bytes(whole)
    caplog.clear()
    assert train_followyourpose.main([f"--config={config}"]) == 0
    assert "skipped" not in caplog.text
    assert not report.exists()


def interrupted(run: TrainingRun) -> Iterator[float]:
    """Steps of a run that is stopped after it has seen all its data."""
    for index in range(4):
        run.stage.data[index]
    raise SystemExit
    yield


def test_a_source_without_usable_files_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is nothing in"):
        open_pictures(tmp_path)
    (tmp_path / "a.jpg").write_bytes(b"no picture")
    (tmp_path / "a.txt").write_text("somebody")
    with pytest.raises(InputError, match=r"Nothing in the folder .* can be used: .*damaged"):
        open_pictures(tmp_path)
    with pytest.raises(InputError, match="There is no folder"):
        open_pictures(tmp_path / "nowhere")


def test_clips_are_sampled_as_configured(tmp_path: Path) -> None:
    table = write_clips(tmp_path, 3)
    data = open_clips(table, sample_start_idx=2, sample_frame_rate=4)
    sample = data[0]
    assert sample["pixels"].shape == (3, 3, 32, 40)
    assert sample["pixels"].dtype == torch.float32
    assert brightness(sample) == [2, 6, 10]
    assert {data[index]["caption"] for index in range(3)} == {f"clip {index}, a test" for index in range(3)}


def test_the_start_may_be_drawn(tmp_path: Path) -> None:
    data = open_clips(write_clips(tmp_path, 1), sample_start_idx=None, sample_frame_rate=2)
    starts = [brightness(data[index])[0] for index in range(24)]
    assert set(starts) <= set(range(8))
    assert len(set(starts)) > 3
    assert starts == [brightness(data[index])[0] for index in range(24)]


def test_json_lines_and_absolute_paths(tmp_path: Path) -> None:
    video = write_clips(tmp_path / "videos", 1).with_name("0.mp4")
    table = tmp_path / "t.jsonl"
    table.write_text(json.dumps({"file": str(video), "text": "a é", "more": 1}) + "\n")
    data = open_clips(table, path_column="file", caption_column="text")
    assert data[0]["caption"] == "a é"


def test_bad_clips_are_skipped_counted_and_listed(tmp_path: Path) -> None:
    table = write_clips(tmp_path, 3)
    (tmp_path / "0.mp4").write_bytes(b"no video")
    table.write_text(table.read_text() + "\nmissing.mp4,one that is not there\n2.mp4,\n")
    data = open_clips(table, bad_files=BadFiles(tmp_path / "bad.jsonl"))
    loader = DataLoader(data, batch_size=2, sampler=range(10), num_workers=2)
    captions = {caption for batch in loader for caption in batch["caption"]}
    assert captions == {"clip 1, a test", "clip 2, a test"}
    reasons = data.bad_files.reasons()
    assert {Path(file).name for file in reasons} == {"0.mp4", "missing.mp4", "2.mp4"}
    with pytest.raises(InputError, match="has 12 frames"):
        open_clips(write_clips(tmp_path / "short", 1), frames=13)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("clips.csv", "file,caption\n0.mp4,a clip\n", "no column 'path', but 'file', 'caption'"),
        ("clips.csv", "", "cannot be read as a table"),
        ("clips.csv", "path,caption\n", "There is nothing in the table"),
        ("clips.jsonl", '{"path": "0.mp4"}\n', "no column 'caption'"),
        ("clips.jsonl", "path,caption\n", "cannot be read as a table"),
        ("clips.txt", "", "is no table"),
    ],
)
def test_bad_tables_are_one_sentence(tmp_path: Path, name: str, content: str, message: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=message):
        open_clips(tmp_path / name)


@pytest.mark.parametrize(
    ("kind", "stage", "message"),
    [
        ("clips", "pose", "'clips', but this stage learns from pictures: choose images, webdataset, hf"),
        ("images", "temporal", "'images', but this stage learns from clips: choose clips, webdataset"),
        ("images", "autoencoder", "trains on the procedural world; leave out train_data.kind"),
        ("imagse", "pose", "must be one of world, images, .* not 'imagse'"),
    ],
)
def test_a_kind_a_stage_cannot_learn_from_is_refused(kind: str, stage: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_config({"stage": stage, "train_data": {"kind": kind, "path": "x"}})


def test_shards_of_pictures(tmp_path: Path) -> None:
    folder = write_shards(tmp_path, [picture_files(index) for index in range(7)], per_shard=3)
    for path in (folder, tmp_path / "{00000..00002}.tar"):
        data = open_pictures(path, "webdataset")
        for index in range(7):
            assert is_person(data[index], int(data[index]["caption"].split()[1]))
        captions = captions_of(data, 14, workers=2)
        assert set(captions[:7]) == set(captions[7:]) == {f"person {index}" for index in range(7)}
        assert captions[:7] != captions[7:]


def test_shards_by_address_are_streamed(tmp_path: Path) -> None:
    write_shards(tmp_path, [picture_files(index) for index in range(9)], per_shard=3)
    address = f"pipe:cat {tmp_path}/{{00000..00002}}.tar"
    data = open_pictures(address, "webdataset", {"shuffle_buffer": 4})
    captions = captions_of(data, 18)
    assert set(captions[:9]) == set(captions[9:]) == {f"person {index}" for index in range(9)}
    assert captions[:9] != captions[9:]
    assert is_person(data[3], int(captions[3].split()[1]))  # back to an earlier one
    assert captions_of(open_pictures(address, "webdataset", {"shuffle_buffer": 4}), 18, workers=2) == captions


def test_bad_samples_of_a_stream_are_replaced_whoever_reads(tmp_path: Path) -> None:
    samples = [picture_files(index) for index in range(8)]
    samples[2] = samples[5] = {"png": b"no picture", "txt": b"broken"}
    write_shards(tmp_path, samples, per_shard=4)
    address = f"pipe:cat {tmp_path}/{{00000..00001}}.tar"
    report = BadFiles(tmp_path / "bad.jsonl")
    captions = captions_of(open_pictures(address, "webdataset", bad_files=report), 16, workers=2)
    assert captions == captions_of(open_pictures(address, "webdataset"), 16)
    assert set(captions) == {f"person {index}" for index in (0, 1, 3, 4, 6, 7)}
    assert {file.split(":")[-1] for file in report.reasons()} == {"sample/0002", "sample/0005"}
    with pytest.raises(InputError, match="nothing in the shards"):
        open_pictures("pipe:true", "webdataset")


def test_a_damaged_shard_gives_what_comes_before_the_damage(tmp_path: Path) -> None:
    folder = write_shards(tmp_path, [picture_files(index) for index in range(6)], per_shard=3)
    whole = (folder / "00001.tar").read_bytes()
    (folder / "00001.tar").write_bytes(whole[: len(whole) // 2])
    (folder / "00002.tar").write_bytes(b"no archive" * 100)
    data = open_pictures(folder, "webdataset")
    captions = set(captions_of(data, 12))
    assert {"person 0", "person 1", "person 2", "person 3"} <= captions
    assert "person 5" not in captions
    assert str(folder / "00002.tar") in data.bad_files.reasons()


def test_shards_of_clips(tmp_path: Path) -> None:
    video = write_clips(tmp_path / "videos", 1).with_name("0.mp4").read_bytes()
    samples: list[dict[str, bytes]] = [
        {"mp4": video, "txt": b"one"},
        {"mp4": video, "json": b'{"text": "two"}'},
    ]
    write_shards(tmp_path / "shards", [*samples, {"txt": b"no clip"}], per_shard=2)
    data = open_clips(
        tmp_path / "shards",
        "webdataset",
        caption_column="text",
        sample_frame_rate=3,
        bad_files=BadFiles(tmp_path / "bad.jsonl"),
    )
    assert set(captions_of(data, 6, workers=2)) == {"one", "two"}
    assert brightness(data[0]) == [0, 3, 6]
    assert data[0]["pixels"].shape == (3, 3, 32, 40)
    (reason,) = data.bad_files.reasons().values()
    assert "there is no clip" in reason


def test_missing_shards_are_one_sentence(tmp_path: Path) -> None:
    for path, message in ((tmp_path, "no .tar in"), (tmp_path / "{0..3}.tar", "no file .*0.tar")):
        with pytest.raises(InputError, match=message):
            open_pictures(path, "webdataset")


@pytest.fixture(scope="module")
def hub_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Parquet as the hub has it: pictures, captions, keypoints; row 2 has no caption."""
    shown = [clip(index) for index in range(6)]
    rows = datasets.Dataset.from_dict(
        {
            "image": [{"bytes": encoded(one.frames[0]), "path": None} for one in shown],
            "caption": [None if index == 2 else f"person {index}" for index in range(6)],
            "keypoints": [json.dumps(keypoints(one)) for one in shown],
        }
    ).cast_column("image", datasets.Image())
    folder = tmp_path_factory.mktemp("hub")
    for part in range(2):
        rows.shard(2, part).to_parquet(folder / f"parquet/train-{part}.parquet")
    rows.save_to_disk(folder / "saved")
    return folder


@pytest.mark.parametrize(("name", "streaming"), [("parquet", False), ("parquet", True), ("saved", False)])
def test_data_sets_of_the_hub(
    hub_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, streaming: bool
) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path))
    monkeypatch.setattr(datasets.config, "SLEEP_TIME_ON_THREADS_SHUTDOWN", 0)  # every epoch otherwise
    data = open_pictures(hub_folder / name, "hf", {"streaming": streaming, "shuffle_buffer": 3})
    captions = captions_of(data, 12, workers=2)
    assert captions == captions_of(data, 12)
    assert set(captions) == {f"person {index}" for index in (0, 1, 3, 4, 5)}
    assert is_person(data[0], int(captions[0].split()[1]))
    assert all("no caption" in reason for reason in data.bad_files.reasons().values())


@pytest.mark.parametrize("change", [{"split": "test"}, {"streaming": True}])
def test_settings_without_effect_on_a_saved_data_set_are_reported(
    hub_folder: Path, change: dict[str, Any]
) -> None:
    with pytest.raises(InputError, match=f"train_data.{next(iter(change))} has no effect"):
        open_pictures(hub_folder / "saved", "hf", change)


@pytest.mark.slow
def test_a_stream_that_breaks_off_is_one_sentence(
    hub_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In this process or a worker, whose exceptions arrive with their traceback."""
    monkeypatch.setattr(datasets.config, "SLEEP_TIME_ON_THREADS_SHUTDOWN", 0)
    part = tmp_path / "train-0.parquet"
    part.write_bytes((hub_folder / "parquet/train-0.parquet").read_bytes())
    data = open_pictures(tmp_path, "hf", {"streaming": True, "shuffle_buffer": 2})
    part.write_bytes(part.read_bytes()[:-9])
    alone = SimpleNamespace(process_index=0, num_processes=1, device=torch.device("cpu"))
    for workers in (0, 1):
        with pytest.raises(InputError, match=r"After 0 rows the data set .* cannot be read: ") as caught:
            list(batches(data, 0, 2, 1, workers, alone))
        assert "\n" not in str(caught.value)


def test_a_program_ends_though_its_error_keeps_the_workers() -> None:
    program = """
from accelerate import Accelerator
from fyp_core.training.batches import batches

samples = batches([{}] * 100, 0, 100, 2, 2, Accelerator(cpu=True))
next(samples)
raise RuntimeError("out of memory")
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1] == "RuntimeError: out of memory"


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"image_column": "picture"}, "no column 'picture', but 'image', 'caption', 'keypoints'"),
        ({"keypoints_column": "pose"}, "python -m fyp_core prepare-data"),
        ({"split": "tests"}, "cannot be opened: .*tests"),
        ({"path": "nobody/nothing"}, "nobody/nothing cannot be opened"),
    ],
)
def test_unfit_data_sets_of_the_hub_are_one_sentence(
    hub_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keys: dict[str, str], message: str
) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path))
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    data = HubData(**{"path": str(hub_folder / "parquet")} | keys)
    with pytest.raises(InputError, match=message) as error:
        open_dataset(data, with_skeleton=True, seed=0)
    assert "\n" not in str(error.value)
