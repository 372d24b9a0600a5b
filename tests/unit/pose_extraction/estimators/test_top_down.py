"""Boxes, crops and networks of the hub, tried with tiny random ones in the hub's layout."""

import numpy as np
import pytest
import torch
from transformers import (
    RTDetrConfig,
    RTDetrForObjectDetection,
    RTDetrImageProcessor,
    RTDetrResNetConfig,
    VitPoseBackboneConfig,
    VitPoseConfig,
    VitPoseForPoseEstimation,
    VitPoseImageProcessor,
)

from fyp_media.errors import InputError
from pose_extraction.estimators import detector
from pose_extraction.estimators.detector import PoseBoxDetector, RTDetrDetector
from pose_extraction.estimators.topdown import TopDownEstimator, carry_boxes
from pose_extraction.estimators.vitpose import ViTPose
from pose_extraction.poses import FramePoses
from pose_extraction.skeleton import MIRRORED

CPU = torch.device("cpu")
BOX = np.array([[10, 20, 50, 90]], np.float32)
NO_BOX = np.zeros((0, 4), np.float32)


def picture(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (96, 128, 3), np.uint8)


@pytest.fixture(scope="module", params=[1, 6], ids=["ViTPose", "ViTPose++"])
def vitpose_folder(request, tmp_path_factory):
    torch.manual_seed(0)
    backbone = VitPoseBackboneConfig(
        image_size=(64, 48), hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
        num_experts=request.param, part_features=4, out_indices=[2],
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("hub") / "vitpose"
    names = {index: str(index) for index in range(17)}
    network = VitPoseForPoseEstimation(VitPoseConfig(backbone_config=backbone, id2label=names))
    network.save_pretrained(folder)
    VitPoseImageProcessor(size={"height": 64, "width": 48}).save_pretrained(folder)
    return folder


def test_vitpose_places_joints_in_the_box_of_each_person(vitpose_folder):
    model = ViTPose(vitpose_folder, CPU)
    frames = [picture(0), picture(1), picture(0)]
    boxes = [np.concatenate([BOX, BOX + 30]), NO_BOX, BOX]
    two, none, one = model.poses(frames, boxes)
    assert [poses.keypoints.shape for poses in (two, none, one)] == [(2, 17, 2), (0, 17, 2), (1, 17, 2)]
    assert one.keypoints.dtype == one.scores.dtype == np.float32
    assert two.keypoints[0] == pytest.approx(one.keypoints[0], abs=0.01)
    assert [len(poses) for poses in model.poses(frames[:2], [NO_BOX, NO_BOX])] == [0, 0]


def test_a_crowd_goes_through_the_network_in_parts(vitpose_folder):
    model = ViTPose(vitpose_folder, CPU)
    passes = []
    model.network.register_forward_hook(lambda _, pictures, __: passes.append(len(pictures[0])))
    (crowd,) = model.poses([picture()], [np.repeat(BOX, 20, axis=0)])
    assert passes == [16, 16, 4, 4], "each part plain and mirrored"
    assert crowd.keypoints == pytest.approx(np.repeat(crowd.keypoints[:1], 20, axis=0), abs=0.01)


def test_a_mirrored_picture_gives_the_mirrored_person(vitpose_folder):
    model = ViTPose(vitpose_folder, CPU)
    (plain,) = model.poses([picture()], [BOX])
    (mirrored,) = model.poses(
        [picture()[:, ::-1]], [(127, 0, 127, 0) + BOX[:, [2, 1, 0, 3]] * (-1, 1, -1, 1)]
    )
    distance = np.abs(mirrored.keypoints[0] * (-1, 1) + (127, 0) - plain.keypoints[0][[*MIRRORED]])
    assert np.median(distance) < 0.5, "the peaks of random heatmaps are not all sharp"


def test_vitpose_for_other_joints_is_refused(tmp_path):
    backbone = VitPoseBackboneConfig(
        image_size=(64, 48), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, out_indices=[1]
    )
    VitPoseForPoseEstimation(VitPoseConfig(backbone_config=backbone, num_labels=3)).save_pretrained(tmp_path)
    VitPoseImageProcessor().save_pretrained(tmp_path)
    with pytest.raises(InputError, match="finds 3 joints"):
        ViTPose(tmp_path, CPU)


@pytest.fixture(scope="module")
def detector_folder(tmp_path_factory):
    torch.manual_seed(0)
    resnet = RTDetrResNetConfig(
        embedding_size=8, hidden_sizes=[8, 8, 16, 16], depths=[1, 1, 1, 1], layer_type="basic",
        out_features=["stage2", "stage3", "stage4"],
    )  # fmt: skip
    config = RTDetrConfig(
        backbone_config=resnet, encoder_hidden_dim=16, encoder_in_channels=[8, 16, 16], encoder_ffn_dim=16,
        encoder_attention_heads=2, d_model=16, num_queries=5, decoder_in_channels=[16, 16, 16],
        decoder_ffn_dim=16, decoder_layers=1, decoder_attention_heads=2, num_denoising=0,
        id2label={0: "person", 1: "dog"}, label2id={"person": 0, "dog": 1},
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("hub") / "rtdetr"
    RTDetrForObjectDetection(config).save_pretrained(folder)
    RTDetrImageProcessor(size={"height": 64, "width": 64}).save_pretrained(folder)
    return folder


@pytest.mark.parametrize(("bias", "people"), [((9.0, -9.0), 5), ((-9.0, 9.0), 0)], ids=["person", "dog"])
def test_only_persons_are_detected_and_boxes_are_in_pixels(detector_folder, bias, people):
    found = RTDetrDetector(str(detector_folder), CPU)
    with torch.no_grad():
        found.network.model.decoder.class_embed[-1].weight.zero_()
        found.network.model.decoder.class_embed[-1].bias.copy_(torch.tensor(bias))
    frames = [picture(0), picture(1)]
    (frame, boxes), (_, second) = found.detect(frames)
    assert frame is frames[0]
    assert boxes.shape == second.shape == (people, 4)
    if people:
        assert boxes.max() > 2
        assert (boxes[:, 2:] > boxes[:, :2]).all()


def one_pose(x: float) -> FramePoses:
    keypoints = np.stack([np.linspace(x - 10, x + 10, 17), np.linspace(20, 80, 17)], axis=-1)[None]
    return FramePoses(keypoints.astype(np.float32), np.full((1, 17), 0.9, np.float32))


class Poses:
    """An estimator that sees somebody in every other frame."""

    name = "every other"

    def estimate(self, frames):
        for index, _ in enumerate(frames):
            yield FramePoses.nobody() if index % 2 else one_pose(40)


def test_boxes_round_poses_hold_the_body_and_stay_with_their_frame():
    frames = [picture(0), picture(1)]
    (first, box), (second, none) = PoseBoxDetector(Poses()).detect(frames)
    assert first is frames[0]
    assert second is frames[1]
    assert len(none) == 0
    assert (box[0, :2] < (28, 18)).all()
    assert (box[0, 2:] > (52, 82)).all()


def test_boxes_are_carried_over_short_gaps_only():
    frame = picture()
    detections = [(frame, boxes) for boxes in (NO_BOX, BOX, NO_BOX, NO_BOX, NO_BOX, BOX + 5, NO_BOX)]
    carried = [boxes.tolist() for _, boxes in carry_boxes(detections, longest=2)]
    first, second = BOX.tolist(), (BOX + 5).tolist()
    assert carried == [[], first, first, first, [], second, second]


class Sure:
    """A pose model as sure of a person as the box is wide."""

    name = "sure"

    def __init__(self):
        self.batches = []

    def poses(self, frames, boxes):
        self.batches.append(len(frames))
        widths = [found[:, 2] - found[:, 0] for found in boxes]
        return [
            FramePoses(np.zeros((len(wide), 17, 2), np.float32), np.repeat(wide[:, None] / 100, 17, axis=1))
            for wide in widths
        ]


class FirstFrameBoxes:
    """A detector that sees somebody in the first frame only."""

    def detect(self, frames):
        return ((frame, BOX if index == 0 else BOX[:0]) for index, frame in enumerate(frames))


class Boxes:
    """A detector that always sees the same."""

    def __init__(self, boxes):
        self._boxes = boxes

    def detect(self, frames):
        return ((frame, self._boxes) for frame in frames)


def test_frames_are_batched_and_boxes_that_show_nobody_dropped():
    model = Sure()
    narrow = BOX - (0, 0, 35, 0)
    found = TopDownEstimator(model, Boxes(np.concatenate([BOX, narrow]))).estimate([picture()] * 20)
    assert [len(poses) for poses in found] == [1] * 20
    assert sum(model.batches) == 20
    assert max(model.batches) > 1


@pytest.mark.parametrize(("stills", "people"), [(False, [1, 1, 1]), (True, [1, 0, 0])])
def test_in_stills_nobody_is_expected_where_somebody_was(stills, people):
    found = TopDownEstimator(Sure(), FirstFrameBoxes(), stills=stills).estimate([picture()] * 3)
    assert [len(poses) for poses in found] == people


def test_without_the_hub_mediapipe_finds_the_boxes(monkeypatch):
    def offline(*_):
        raise InputError("The model cannot be downloaded.")

    monkeypatch.setattr(detector, "RTDetrDetector", offline)
    frames = [np.zeros((64, 64, 3), np.uint8)]
    ((_, boxes),) = detector.create_detector().detect(frames)
    assert boxes.shape == (0, 4)


def test_a_model_that_is_nowhere_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(InputError, match="cannot be downloaded") as caught:
        ViTPose(tmp_path / "nothing", CPU)
    assert "\n" not in str(caught.value)
