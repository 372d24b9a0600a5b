"""A small HRNet of our own: written, read with what builds it, and used on whole frames."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from fyp_core.evaluation.scoring.judges import POSE_FILE
from fyp_core.training.config_file import load_config
from fyp_core.training.stages.judges import PoseJudgeStage
from fyp_media.errors import InputError
from pose_extraction.estimators.factory import choose_estimator
from pose_extraction.estimators.hrnet import HRNet, HRNetPose, WholeFrames
from pose_extraction.estimators.hrnet_weights import Build, load_hrnet, save_half, save_hrnet
from pose_extraction.estimators.topdown import TopDownEstimator

CONFIGS = Path(__file__).parents[4] / "configs"
CPU = torch.device("cpu")
BUILD = Build("hrnet_w18_small", (64, 32), whole_frames=True)


@pytest.fixture(scope="module")
def network() -> HRNet:
    torch.manual_seed(0)
    network = HRNet(BUILD.backbone).eval()
    nn.init.constant_(network.head["final_layer"].bias, 1.0)  # so that random weights are sure of somebody
    return network


@pytest.fixture(scope="module")
def weights(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "hrnet.safetensors"
    save_hrnet(path, network, BUILD)
    return path


def test_the_file_is_small_and_says_what_it_holds(weights):
    assert weights.stat().st_size < 3e6, "half precision"
    with safe_open(weights, framework="pt") as file:
        assert file.metadata() == {
            "backbone": "hrnet_w18_small", "height": "64", "width": "32", "view": "frame"
        }  # fmt: skip


def test_weights_are_written_whole_or_not_at_all(network, tmp_path, monkeypatch):
    def breaks_off(tensors, path, metadata):
        Path(path).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pose_extraction.estimators.hrnet_weights.save_file", breaks_off)
    with pytest.raises(InputError, match="No space left"):
        save_half(tmp_path / "w.safetensors", network)
    assert not list(tmp_path.iterdir())


def test_what_was_written_finds_the_same(network, weights):
    crops = np.random.default_rng(0).normal(size=(2, *BUILD.size, 3)).astype(np.float32)
    loaded = load_hrnet(weights, CPU)
    assert loaded.whole_frames
    expected = HRNetPose(network, BUILD.size).heatmaps(crops)
    assert loaded.heatmaps(crops) == pytest.approx(expected, abs=0.02 * float(np.abs(expected).max()))
    assert expected.shape == (2, 17, 16, 8)


def test_as_an_estimator_it_needs_neither_detector_nor_hub(weights, monkeypatch):
    monkeypatch.setattr("pose_extraction.estimators.hrnet_weights.create_detector", pytest.fail)
    frames = np.random.default_rng(0).integers(0, 255, (3, 96, 96, 3), np.uint8)
    poses = list(choose_estimator("hrnet", str(weights))[0].estimate(frames))
    assert [len(people) for people in poses] == [1, 1, 1]


def test_the_trainer_exports_such_a_file(tmp_path):
    stage = PoseJudgeStage(load_config(CONFIGS / "judge_pose.yaml"))
    stage.export(tmp_path, {"head.final_layer.bias": torch.full((17,), 0.5)})
    loaded = load_hrnet(tmp_path / POSE_FILE, CPU)
    assert loaded.whole_frames
    assert loaded.network.head["final_layer"].bias.tolist() == [0.5] * 17


class BrightestSpot(nn.Module):
    """Heatmaps that peak, for all joints alike, where the picture is brightest."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(()))

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return self.gain * nn.functional.avg_pool2d(pictures.mean(1, keepdim=True), 4).expand(-1, 17, -1, -1)


@pytest.mark.parametrize(("height", "width"), [(128, 128), (270, 480), (480, 270), (64, 64)])
@pytest.mark.parametrize(("x", "y"), [(0.06, 0.1), (0.5, 0.5), (0.93, 0.9)])
def test_whole_frames_of_any_shape_are_seen_to_the_edges(height, width, x, y):
    frame = np.zeros((height, width, 3), np.uint8)
    place = round(x * width), round(y * height)
    cv2.circle(frame, place, max(height, width) // 24, (255, 255, 255), -1)
    estimator = TopDownEstimator(HRNetPose(BrightestSpot(), (128, 128), whole_frames=True), WholeFrames())
    (found,) = estimator.estimate([frame])
    cell = 4 * max(height, width) / 128
    assert np.abs(found.keypoints[0] - place).max() < 1.5 * cell


@pytest.mark.parametrize(
    "metadata",
    [
        None,
        {"backbone": "resnet50", "height": "64", "width": "64", "view": "frame"},
        {"backbone": "hrnet_w18_small", "height": "65", "width": "64", "view": "frame"},
        {"backbone": "hrnet_w18_small", "height": "0", "width": "64", "view": "frame"},
        {"backbone": "hrnet_w18_small", "height": "many", "width": "64", "view": "frame"},
    ],
)
def test_a_file_that_does_not_say_what_it_holds_is_refused(weights, tmp_path, metadata):
    save_file(load_file(weights), tmp_path / "w.safetensors", metadata)
    with pytest.raises(InputError, match="does not say which HRNet") as caught:
        load_hrnet(tmp_path / "w.safetensors", CPU)
    assert "\n" not in str(caught.value)


def test_broken_files_are_refused_in_one_sentence(weights, tmp_path):
    broken = tmp_path / "w.safetensors"
    broken.write_bytes(weights.read_bytes()[:5000])
    with pytest.raises(InputError, match="read safely"):
        load_hrnet(broken, CPU)
    save_file({"head.final_layer.bias": torch.zeros(17)}, broken, BUILD.to_metadata())
    with pytest.raises(InputError, match="lacks parts"):
        load_hrnet(broken, CPU)
    with pytest.raises(InputError, match="There is no file"):
        load_hrnet(tmp_path / "missing.safetensors", CPU)
