"""RTMPose, RTMO and DWPose: their answers become COCO's 17 joints; other files are refused."""

import importlib.util

import numpy as np
import pytest

from fyp_media.errors import InputError
from pose_extraction.estimators.factory import choose_estimator
from pose_extraction.estimators.rtmlib import RTMO, RTMPose, load_network

installed = pytest.mark.skipif(importlib.util.find_spec("rtmlib") is None, reason="rtmlib is optional")
FRAME = np.full((64, 96, 3), (200, 100, 0), np.uint8)


def joints(people: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    x = np.linspace(10, 40, count)[None].repeat(people, axis=0) + 30 * np.arange(people)[:, None]
    return np.stack([x, x / 2 + 10], axis=-1), np.full((people, count), 1.2)


def test_the_body_of_133_joints_is_taken_and_pictures_are_bgr():
    asked = []

    def network(picture, bboxes):
        asked.append((picture[0, 0].tolist(), len(bboxes)))
        return joints(len(bboxes), 133)

    boxes = [np.array([[0, 0, 30, 60], [30, 0, 60, 60]], np.float32), np.zeros((0, 4), np.float32)]
    two, nobody = RTMPose(network, "dwpose").poses([FRAME, FRAME], boxes)
    assert two.keypoints.shape == (2, 17, 2)
    assert two.keypoints.dtype == two.scores.dtype == np.float32
    assert two.scores.max() == 1
    assert len(nobody) == 0
    assert asked == [([0, 100, 200], 2)]


def test_rtmo_finds_people_without_boxes_and_zeros_are_nobody():
    answers = iter([joints(2, 17), (np.zeros((1, 17, 2)), np.zeros((1, 17)))])
    found = list(RTMO(lambda picture: next(answers)).estimate([FRAME, FRAME]))
    assert [len(poses) for poses in found] == [2, 0]
    assert np.isfinite(found[0].keypoints).all()


@pytest.mark.skipif(importlib.util.find_spec("rtmlib") is not None, reason="rtmlib is installed")
def test_without_rtmlib_the_error_names_the_command_that_installs_it():
    with pytest.raises(InputError, match=r"pip install rtmlib --no-deps && pip install onnxruntime"):
        choose_estimator("rtmo")


@installed
def test_an_onnx_file_of_any_size_is_run(tmp_path):
    """A network of the size and outputs of RTMPose whose peaks are in the middle of the box."""
    onnx = pytest.importorskip(
        "onnx", exc_type=ImportError
    )  # recent ones need a newer protobuf than MediaPipe
    height, width = 64, 48
    peaks = [np.zeros((1, 17, 2 * side), np.float32) for side in (width, height)]
    for peak in peaks:
        peak[..., peak.shape[-1] // 2] = 0.8
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    nodes = [
        helper.make_node("Constant", [], [name], value=onnx.numpy_helper.from_array(peak, name))
        for name, peak in zip(("simcc_x", "simcc_y"), peaks)
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("input", kind, [1, 3, height, width])],
        [
            helper.make_tensor_value_info(name, kind, peak.shape)
            for name, peak in zip(("simcc_x", "simcc_y"), peaks)
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, tmp_path / "small.onnx")
    network = load_network("rtmpose", str(tmp_path / "small.onnx"))
    (poses,) = RTMPose(network).poses([FRAME], [np.array([[20, 10, 60, 50]], np.float32)])
    assert poses.keypoints[0] == pytest.approx(np.tile([[40.0, 30.0]], (17, 1)), abs=1)
    assert poses.scores == pytest.approx(np.full((1, 17), 0.8))


@installed
def test_a_file_that_is_no_network_is_one_sentence(tmp_path):
    (tmp_path / "text.onnx").write_text("no network")
    with pytest.raises(InputError, match=r"text\.onnx is no ONNX file of rtmo"):
        load_network("rtmo", str(tmp_path / "text.onnx"))
    with pytest.raises(InputError, match="no file"):
        load_network("rtmo", str(tmp_path / "missing.onnx"))
