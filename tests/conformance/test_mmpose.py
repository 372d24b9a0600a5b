"""The real mmpose finds the same keypoints as our HRNet; skipped where ``scripts/install_mmpose.sh`` was not run.

In continuous integration that is a failure.
"""

import os
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

from fyp_media.errors import InputError
from pose_extraction.estimators.hrnet_weights import load_hrnet

if not find_spec("mmpose") and not os.environ.get("CI"):
    pytest.skip("mmpose is not installed", allow_module_level=True)

import mmpose

CPU = torch.device("cpu")
ZOO = Path(mmpose.__file__).parent / ".mim/configs/body_2d_keypoint/topdown_heatmap/coco"
HRNET = ZOO / "td-hm_hrnet-w32_8xb64-210e_coco-256x192.py"


@pytest.fixture(scope="module")
def checkpoint(hrnet_state, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "w32.pth"
    torch.save({"state_dict": hrnet_state, "meta": {}}, path)
    return path


@pytest.mark.slow
def test_same_keypoints_as_ours(checkpoint, hrnet_golden, hrnet_image):
    from pose_extraction.estimators.mmpose import MMPose

    boxes = [hrnet_golden["boxes"], np.zeros((0, 4), np.float32)]
    theirs, nobody = MMPose(f"{HRNET},{checkpoint}", CPU).poses([hrnet_image] * 2, boxes)
    ours, _ = load_hrnet(checkpoint, CPU).poses([hrnet_image] * 2, boxes)
    assert theirs.keypoints == pytest.approx(ours.keypoints, abs=0.1)
    # Peaks of random weights, about 10 high; the crops differ in OpenCV's rounding.
    assert theirs.scores == pytest.approx(ours.scores, abs=0.01)
    assert len(nobody) == 0


@pytest.mark.parametrize("model", [None, "config.py", "missing.py,w.pth"])
def test_without_configuration_and_checkpoint_one_sentence_helps(model):
    from pose_extraction.estimators.mmpose import MMPose

    with pytest.raises(InputError, match="CONFIG"):
        MMPose(model, CPU)


def test_a_checkpoint_that_is_missing_is_one_sentence(tmp_path):
    from pose_extraction.estimators.mmpose import MMPose

    with pytest.raises(InputError, match="cannot load") as caught:
        MMPose(f"{HRNET},{tmp_path / 'nothing.pth'}", CPU)
    assert "\n" not in str(caught.value)
