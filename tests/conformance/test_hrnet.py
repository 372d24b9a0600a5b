"""Our HRNet computes what mmpose computes, from mmpose's tensor names, crop to keypoint."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch

from fyp_media.errors import InputError
from pose_extraction.estimators import hrnet_weights
from pose_extraction.estimators.hrnet import HRNet, HRNetPose, crop, view_of
from pose_extraction.estimators.hrnet_weights import VARIANTS, Variant, load_hrnet

SIZE = VARIANTS["hrnet_w32"].size
STORED_JOINTS = slice(None, None, 4)


def normalised(crops: np.ndarray) -> np.ndarray:
    """As ImageNet's networks take them, (…, 3) RGB."""
    return ((crops - [123.675, 116.28, 103.53]) / [58.395, 57.12, 57.375]).astype(np.float32)


@pytest.fixture(scope="module")
def pose(hrnet_state) -> HRNetPose:
    network = HRNet("hrnet_w32")
    network.load_state_dict(hrnet_state)
    return HRNetPose(network, SIZE)


def test_mmposes_backbone_has_as_many_tensors(hrnet_state):
    assert sum(name.startswith("backbone.") for name in hrnet_state) == 1752
    assert {name for name in hrnet_state if name.startswith("head.")} == {
        "head.final_layer.weight", "head.final_layer.bias"
    }  # fmt: skip


def test_crops(hrnet_golden, hrnet_image, hrnet_crops):
    """OpenCV rounds a little differently from processor to processor."""
    ours = np.stack([crop(hrnet_image, view_of(box, SIZE), SIZE) for box in hrnet_golden["boxes"]])
    grey_levels = np.abs(ours - normalised(hrnet_crops)) * 58
    assert grey_levels.max() < 1.1
    assert (grey_levels > 0.01).mean() < 0.02


@torch.inference_mode()
def test_heatmaps(hrnet_golden, hrnet_crops, pose):
    crops = normalised(hrnet_crops).transpose(0, 3, 1, 2)
    heatmaps = pose.network(torch.from_numpy(crops).contiguous()).numpy()
    difference = np.abs(heatmaps[:, STORED_JOINTS] - hrnet_golden["heatmaps"])
    assert difference.max() < 1e-4 * np.abs(hrnet_golden["heatmaps"]).max()


def test_keypoints_with_flip_test_and_refinement(hrnet_golden, hrnet_image, pose):
    (people,) = pose.poses([hrnet_image], [hrnet_golden["boxes"]])
    assert people.keypoints == pytest.approx(hrnet_golden["keypoints"], abs=0.1)
    assert people.scores == pytest.approx(hrnet_golden["scores"], rel=5e-3)


def test_frames_batched_give_the_same_people(hrnet_golden, hrnet_image, pose):
    first, second = hrnet_golden["boxes"][:1], hrnet_golden["boxes"][1:]
    nobody = np.zeros((0, 4), np.float32)
    one, none, other = pose.poses([hrnet_image] * 3, [first, nobody, second])
    assert [len(one), len(none), len(other)] == [1, 0, 1]
    both = np.concatenate([one.keypoints, other.keypoints])
    assert both == pytest.approx(hrnet_golden["keypoints"], abs=0.1)


def test_a_checkpoint_as_mmpose_saves_it_is_loaded(hrnet_state, hrnet_golden, hrnet_image, tmp_path):
    path = tmp_path / "td-hm_hrnet-w32.pth"
    meta = {"dataset_meta": {"sigmas": np.full(17, 0.05, np.float32), "flip": [np.int64(1)]}, "epoch": 210}
    torch.save({"state_dict": hrnet_state, "meta": meta}, path)
    (people,) = load_hrnet(path, torch.device("cpu")).poses([hrnet_image], [hrnet_golden["boxes"]])
    assert people.keypoints == pytest.approx(hrnet_golden["keypoints"], abs=0.1)


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


@pytest.fixture
def publisher(hrnet_state, tmp_path, monkeypatch) -> Path:
    """A publisher's folder with one checkpoint, and an empty cache."""
    path = tmp_path / "published" / "w32.pth"
    path.parent.mkdir()
    torch.save({"state_dict": hrnet_state}, path)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
    monkeypatch.setattr(hrnet_weights, "PUBLISHER", f"{path.parent.as_uri()}/")
    monkeypatch.setattr(hrnet_weights, "VARIANTS", {"hrnet_w32": Variant(SIZE, path.name, sha256)})
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "cache"))
    return path


@pytest.mark.slow
def test_published_weights_are_downloaded_once(publisher, hrnet_golden, hrnet_image):
    load_hrnet(None, torch.device("cpu"))
    publisher.unlink()
    (people,) = load_hrnet(None, torch.device("cpu")).poses([hrnet_image], [hrnet_golden["boxes"]])
    assert people.keypoints == pytest.approx(hrnet_golden["keypoints"], abs=0.1)


def test_a_download_that_is_damaged_is_refused_and_not_kept(publisher, tmp_path):
    publisher.write_bytes(publisher.read_bytes()[:-100])
    with pytest.raises(InputError, match="cannot be downloaded") as caught:
        load_hrnet(None, torch.device("cpu"))
    assert "\n" not in str(caught.value)
    assert list((tmp_path / "cache" / "checkpoints").iterdir()) == []
