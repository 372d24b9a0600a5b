"""Our HRNet computes what mmpose computes, from mmpose's tensor names, crop to keypoint."""

import math
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from errors import InputError
from pose_extraction.hrnet import VARIANTS, HRNet, HRNetPose, crop, load_hrnet, view_of

DATA = Path(__file__).parents[1] / "data" / "hrnet"
SIZE = VARIANTS["hrnet_w32"].size
STORED_JOINTS = slice(None, None, 4)
STORED_PIXELS = slice(None, None, 8)


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    """mmpose's own results for two boxes, some joints of its heatmaps and some pixels of its crops."""
    return load_file(DATA / "golden.safetensors")


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    return cv2.cvtColor(cv2.imread(str(DATA / "image.webp")), cv2.COLOR_BGR2RGB)


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    """The weights the results were computed with: random, seeded by mmpose's names."""
    tensors = HRNet("hrnet_w32").state_dict()
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and "running_" not in name:
            generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
            tensor.copy_(scaled(name, torch.randn(tensor.shape, generator=generator)))
    return tensors


def scaled(name: str, noise: torch.Tensor) -> torch.Tensor:
    if noise.ndim == 4:
        gain = 4 if name == "head.final_layer.weight" else 1
        return gain * noise * math.sqrt(2 / noise[0].numel())
    return 0.5 + 0.1 * noise if name.endswith("weight") else 0.05 * noise


@pytest.fixture(scope="module")
def pose(state) -> HRNetPose:
    network = HRNet("hrnet_w32")
    network.load_state_dict(state)
    return HRNetPose(network, SIZE)


def test_mmposes_backbone_has_as_many_tensors(state):
    assert sum(name.startswith("backbone.") for name in state) == 1752
    assert {name for name in state if name.startswith("head.")} == {
        "head.final_layer.weight", "head.final_layer.bias"
    }  # fmt: skip


def test_crops(golden, image):
    for box, expected in zip(golden["boxes"], golden["crop"], strict=True):
        ours = crop(image, view_of(box, SIZE), SIZE).transpose(2, 0, 1)
        assert ours[:, STORED_PIXELS, STORED_PIXELS] == pytest.approx(expected, abs=1e-5)


@torch.inference_mode()
def test_heatmaps(golden, image, pose):
    crops = np.stack([crop(image, view_of(box, SIZE), SIZE) for box in golden["boxes"]])
    heatmaps = pose.network(torch.from_numpy(crops.transpose(0, 3, 1, 2)).contiguous()).numpy()
    difference = np.abs(heatmaps[:, STORED_JOINTS] - golden["heatmaps"])
    assert difference.max() < 1e-4 * np.abs(golden["heatmaps"]).max()


def test_keypoints_with_flip_test_and_refinement(golden, image, pose):
    (people,) = pose.poses([image], [golden["boxes"]])
    assert people.keypoints == pytest.approx(golden["keypoints"], abs=0.1)
    assert people.scores == pytest.approx(golden["scores"], abs=1e-3)


def test_frames_batched_give_the_same_people(golden, image, pose):
    first, second = golden["boxes"][:1], golden["boxes"][1:]
    nobody = np.zeros((0, 4), np.float32)
    one, none, other = pose.poses([image] * 3, [first, nobody, second])
    assert [len(one), len(none), len(other)] == [1, 0, 1]
    both = np.concatenate([one.keypoints, other.keypoints])
    assert both == pytest.approx(golden["keypoints"], abs=0.1)


def test_a_checkpoint_as_mmpose_saves_it_is_loaded(state, golden, image, tmp_path):
    path = tmp_path / "td-hm_hrnet-w32.pth"
    meta = {"dataset_meta": {"sigmas": np.full(17, 0.05, np.float32), "flip": [np.int64(1)]}, "epoch": 210}
    torch.save({"state_dict": state, "meta": meta}, path)
    (people,) = load_hrnet(path, torch.device("cpu")).poses([image], [golden["boxes"]])
    assert people.keypoints == pytest.approx(golden["keypoints"], abs=0.1)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "There is no file"),
        (b"<html>not found</html>", "read safely"),
        (
            {"state_dict": {"backbone.conv1.weight": torch.zeros(64, 3, 3, 3)}},
            "no checkpoint of mmpose's HRNet",
        ),
        ({"state_dict": {"head.final_layer.weight": torch.zeros(17, 32, 1, 1)}}, "lacks parts of HRNet"),
    ],
    ids=["missing", "web page", "another network", "incomplete"],
)
def test_other_checkpoints_are_refused_in_one_sentence(content, sentence, tmp_path):
    path = tmp_path / "weights.pth"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content:
        torch.save(content, path)
    with pytest.raises(InputError, match=sentence) as caught:
        load_hrnet(path, torch.device("cpu"))
    assert "\n" not in str(caught.value)
