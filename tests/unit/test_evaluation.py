"""The measures: right where the truth is known, and a whole evaluation at toy size."""

from pathlib import Path

import numpy as np
import pytest
import torch

from errors import InputError
from fyp_core.evaluation import PAIRS, SOURCES, as_table, background_flicker, correct_keypoints, evaluate
from fyp_core.judges import CLASSES, POSE_FILE, Judges
from fyp_core.synthetic import HELD_OUT_PAIRS, sample_clip
from fyp_core.training.config import WorldConfig
from fyp_core.training.judges import JudgedImages, heatmaps
from pose_extraction.hrnet import decode


@pytest.fixture
def clip():
    return sample_clip(np.random.default_rng(1), 4, 64, stride=4)


def test_correct_keypoints_count_joints_in_sight_relative_to_the_box() -> None:
    truth = np.zeros((1, 17, 2), np.float32)
    truth[0, 0] = 100, 40  # the longer side of the box is 100
    visible = np.ones((1, 17), bool)
    found = truth.copy()
    found[0, 1] = 7, 0
    found[0, 2] = 0, 12
    assert correct_keypoints(found, truth, visible, 0.1) == pytest.approx(16 / 17)
    assert correct_keypoints(found, truth, visible, 0.05) == pytest.approx(15 / 17)
    visible[0, 1] = False
    assert correct_keypoints(found, truth, visible, 0.05) == pytest.approx(15 / 16)


def test_flicker_is_of_the_background_alone(clip) -> None:
    skeletons = clip.skeletons()
    assert background_flicker(clip.frames, skeletons) < 0.5
    brighter = clip.frames.astype(int) // 2
    brighter[1::2] += 10
    dull = (clip.frames // 2).astype(int)
    flicker = background_flicker(brighter.astype(np.uint8), skeletons)
    assert flicker == pytest.approx(10 + background_flicker(dull.astype(np.uint8), skeletons), abs=0.5)
    assert background_flicker(clip.frames[:1], skeletons[:1]) == 0


def test_heatmaps_are_decoded_to_the_joints(clip) -> None:
    maps = heatmaps(clip.keypoints[0], 64)
    cells, _ = decode(maps[None])
    inside = (clip.keypoints[0] > 4).all(-1) & (clip.keypoints[0] < 56).all(-1)
    assert np.abs(cells[0] * 4 - clip.keypoints[0])[inside].max() <= 2


def test_judged_images_repeat_and_name_what_they_show() -> None:
    data = JudgedImages(WorldConfig(size=64), seed=1)
    sample, again = data[3], data[3]
    assert all(torch.equal(sample[name], again[name]) for name in sample)
    assert sample["heatmaps"].shape == (17, 16, 16)
    assert all(0 <= int(c) < len(names) for c, names in zip(sample["classes"], CLASSES, strict=True))


def test_missing_judges_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=POSE_FILE):
        Judges.load(tmp_path)


class SameAnswerJudges:
    """Says the same of every picture, and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def find_joints(self, pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self.asked += 1
        return np.zeros((len(pictures), 17, 2), np.float32), np.ones((len(pictures), 17), np.float32)

    def classify(self, pictures: np.ndarray) -> tuple[str, str]:
        return sorted(HELD_OUT_PAIRS)[0]


def test_every_source_is_measured_on_seen_and_held_out_pairs(tiny_model_dir: Path, tmp_path: Path) -> None:
    from fyp_core.pipeline import FollowYourPosePipeline

    pipeline = FollowYourPosePipeline.from_pretrained(tiny_model_dir)
    pipeline.set_progress_bar_config(disable=True)
    judges = SameAnswerJudges()
    results = list(evaluate(pipeline, judges, clips=2, frames=2, sheet=tmp_path / "sheet.png"))
    assert [(result.pairs, result.source) for result in results] == [(p, s) for p in PAIRS for s in SOURCES]
    assert judges.asked == 2 * len(results)
    assert (tmp_path / "sheet.png").is_file()
    table = as_table(results)
    assert len(table.splitlines()) == 2 + len(SOURCES)
    renders = results[0].mean
    assert renders.flicker < 0.5
    assert results[2].mean.flicker > renders.flicker
