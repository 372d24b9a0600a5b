"""Data that people have: what each source gives, and what becomes of samples that cannot be used."""

from __future__ import annotations

import json
import logging
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

from errors import InputError
from fyp_core.synthetic import Clip, sample_clip
from fyp_core.training.data import BadFiles, SourceConfig, open_dataset
from pose_extraction.coco import to_coco
from pose_extraction.motion import Motion
from video_io import write_video

SIZE = 64


def clip(seed: int, frames: int = 1, size: int = SIZE) -> Clip:
    return sample_clip(np.random.default_rng(seed), frames, size)


def keypoints(clip: Clip) -> dict[str, Any]:
    height, width = clip.frames.shape[1:3]
    return to_coco(Motion(clip.keypoints[:1, None], clip.scores[:1, None], height, width, 1.0))


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


def open_pictures(path: Path, kind: str = "images", **settings: Any) -> Any:
    arguments = {"size": (SIZE, SIZE), "frames": None, "with_skeleton": True, "seed": 0} | settings
    return open_dataset(SourceConfig(kind=kind, path=str(path)), **arguments)


def open_clips(
    path: Path, *, frames: int = 3, seed: int = 0, bad_files: BadFiles | None = None, **keys: Any
) -> Any:
    config = SourceConfig(**{"kind": "clips", "path": str(path)} | keys)
    return open_dataset(
        config, size=(32, 40), frames=frames, with_skeleton=False, seed=seed, bad_files=bad_files
    )


def brightness(sample: dict[str, Any]) -> list[int]:
    return [round(float(frame.mean() + 1) * 127.5 / 20) for frame in sample["pixels"].transpose(0, 1)]


def test_pictures_come_with_caption_and_the_skeleton_on_the_person(tmp_path: Path) -> None:
    data = open_pictures(write_pictures(tmp_path, 4))
    for index in range(4):
        sample = data[index]
        shown = clip(int(sample["caption"].split()[1]))
        assert sample["pixels"].dtype == sample["skeleton"].dtype == torch.float32
        assert torch.equal(sample["pixels"], torch.from_numpy(shown.frames[0]).permute(2, 0, 1) / 127.5 - 1)
        expected = torch.from_numpy(shown.skeletons()[0]).permute(2, 0, 1) / 255
        assert (sample["skeleton"] - expected).abs().mean() < 2e-3  # keypoints are stored to 0.001 pixels


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
    moved = Motion(shown.keypoints[:, None] + (SIZE, 0), shown.scores[:, None], SIZE, 3 * SIZE, 1.0)
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
        data.bad_files.tell()
    assert "3 files were skipped" in caplog.text
    assert str(report) in caplog.text


def test_nothing_usable_is_told_at_once(tmp_path: Path) -> None:
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


def test_the_world_needs_no_files() -> None:
    config = SourceConfig(style_probability=1.0, styles=["cartoon"])
    arguments = {"size": (SIZE, SIZE), "seed": 4}
    pictures = open_dataset(config, frames=None, with_skeleton=True, **arguments)
    assert pictures[7]["pixels"].shape == pictures[7]["skeleton"].shape == (3, SIZE, SIZE)
    assert torch.equal(pictures[7]["pixels"], pictures[7]["pixels"])
    clips = open_dataset(config, frames=5, with_skeleton=False, **arguments)
    assert clips[7]["pixels"].shape == (3, 5, SIZE, SIZE)
    assert -1 <= clips[7]["pixels"].min() < clips[7]["pixels"].max() <= 1
    assert clips[7]["caption"] != clips[8]["caption"]


def test_an_unfit_world_is_one_sentence() -> None:
    for settings, size, message in (({"styles": ["cubist"]}, (64, 64), "'cubist'"), ({}, (64, 48), "square")):
        with pytest.raises(InputError, match=message):
            open_dataset(SourceConfig(**settings), size=size, frames=None, with_skeleton=False, seed=0)


@pytest.mark.parametrize(("kind", "frames"), [("clips", None), ("images", 4), ("imagse", None)])
def test_a_kind_a_stage_cannot_learn_from_is_refused(kind: str, frames: int | None) -> None:
    with pytest.raises(InputError, match=f"'{kind}', but this stage learns from"):
        open_dataset(
            SourceConfig(kind=kind, path="x"), size=(SIZE, SIZE), frames=frames, with_skeleton=False, seed=0
        )
