"""Keypoints of other tools are recognised by their content and give the same motion as ours."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fyp_media.errors import InputError
from pose_extraction.__main__ import main
from pose_extraction.keypoint_files import read_motion
from pose_extraction.skeleton import KEYPOINT_NAMES
from tests.unit.pose_extraction.test_skeleton import standing

WIDTH, HEIGHT, FRAMES = 320, 240, 12
NOSE, LEFT_WRIST = 0, 9

# Where OpenPose's joints are among COCO's: None is a joint that COCO lacks.
BODY_25 = [0, None, 6, 8, 10, 5, 7, 9, None, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3, *6 * [None]]
COCO_18 = [0, None, 6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3]


def bodies(frame: int, people: int = 1) -> list[np.ndarray]:
    """(17, 3) x, y and score of each person: they walk to the right, side by side."""
    found = []
    for person in range(people):
        places = standing(HEIGHT, WIDTH // 2) + np.array([3 * frame + 150 * person, frame % 3])
        found.append(np.column_stack([places, np.full(17, 0.9)]))
    return found


def reordered(body: np.ndarray, order: list[int | None]) -> list[float]:
    return np.concatenate([[0, 0, 0] if joint is None else body[joint] for joint in order]).tolist()


def flat(body: np.ndarray, joints: int = 17) -> list[float]:
    """COCO's joints first, then others, in the right order of magnitude."""
    return np.concatenate([body, np.tile(body[:1], (joints - 17, 1))]).ravel().tolist()


def write(path: Path, document: Any, encoding: str = "utf-8") -> Path:
    path.write_text(json.dumps(document), encoding=encoding)
    return path


def expect(path: Path, *, frames: int = FRAMES, people: int = 1, size: tuple[int, int] | None = None) -> None:
    motion = read_motion(path)
    assert motion.keypoints.shape == (frames, people, 17, 2)
    for frame in range(frames):
        expected = np.stack(bodies(frame, people))
        assert motion.keypoints[frame] == pytest.approx(expected[..., :2], abs=0.01), frame
        assert motion.scores[frame] == pytest.approx(expected[..., 2], abs=0.2)
    if size:
        assert (motion.width, motion.height) == size
    else:
        assert motion.width > np.nanmax(motion.keypoints[..., 0])
        assert motion.height > np.nanmax(motion.keypoints[..., 1])


def openpose(frame: int, order: list[int | None], people: int = 1, **more: Any) -> dict[str, Any]:
    listed = [{"pose_keypoints_2d": reordered(body, order)} for body in bodies(frame, people)]
    return {"version": 1.3, "people": listed} | more


CANVAS = {"canvas_width": WIDTH, "canvas_height": HEIGHT}


def relative(document: dict[str, Any], low: float = 0.0) -> dict[str, Any]:
    """The same in 0..1 or -1..1 of the canvas."""
    for person in document["people"]:
        joints = np.array(person["pose_keypoints_2d"]).reshape(-1, 3)
        known = joints[:, 2] > 0
        joints[known, :2] = joints[known, :2] / (WIDTH, HEIGHT) * (1 - low) + low
        person["pose_keypoints_2d"] = joints.ravel().tolist()
    return document


@pytest.mark.parametrize(
    "order",
    [BODY_25, COCO_18, [*range(17), *8 * [None]], BODY_25[:19], list(range(17)), [*range(17), *118 * [None]]],
    ids=["BODY_25", "COCO-18", "BODY_25B", "BODY_19", "COCO-17", "BODY_135"],
)
def test_each_of_openposes_layouts_is_recognised_by_its_joints(tmp_path, order):
    for frame in range(FRAMES):
        write(tmp_path / f"dance_{frame}_keypoints.json", openpose(frame, order, 2, **CANVAS))
    write(tmp_path / "._dance_0_keypoints.json", "what a Mac leaves beside a file")
    (tmp_path / "copies.json").mkdir()
    (tmp_path / f"dance_{FRAMES - 1}_keypoints.json").rename(tmp_path / f"dance_{FRAMES - 1}_keypoints.JSON")
    expect(tmp_path, people=2, size=(WIDTH, HEIGHT))


def test_layouts_may_change_between_frames(tmp_path):
    for frame in range(FRAMES):
        write(tmp_path / f"{frame}.json", openpose(frame, BODY_25 if frame % 2 else COCO_18))
    expect(tmp_path)


@pytest.mark.parametrize("low", [0.0, -1.0])
@pytest.mark.parametrize("as_list", [True, False], ids=["ComfyUI", "folder"])
def test_relative_coordinates_are_read_where_the_canvas_size_is_stated(tmp_path, low, as_list):
    frames = [relative(openpose(frame, COCO_18, **CANVAS), low) for frame in range(FRAMES)]
    for frame, document in enumerate(frames):
        write(tmp_path / f"{frame}.json", document)
    expect(write(tmp_path.with_suffix(".json"), frames) if as_list else tmp_path, size=(WIDTH, HEIGHT))


def test_comfyuis_poses_are_read(tmp_path):
    frames = [openpose(frame, COCO_18, 2, **CANVAS) for frame in range(FRAMES)]
    expect(write(tmp_path / "POSE_KEYPOINT.json", frames), people=2, size=(WIDTH, HEIGHT))
    expect(write(tmp_path / "batches.json", [frames[:5], frames[5:]]), people=2)
    expect(write(tmp_path / "one.json", frames[0]), frames=1, people=2)
    expect(write(tmp_path / "named.json", {"POSE_KEYPOINT": frames}), people=2)
    nobody = [{"people": [{"pose_keypoints_2d": None, "face_keypoints_2d": None}], "animals": []} | CANVAS]
    motion = read_motion(write(tmp_path / "gap.json", [*frames, *nobody]))
    assert motion.present[:, 0].tolist() == [True] * FRAMES + [False]


def alphapose(people: int = 1, joints: int = 17, name: str = "{}.jpg", **more: Any) -> list[dict[str, Any]]:
    return [
        {"image_id": name.format(frame), "category_id": 1, "keypoints": flat(body, joints), "score": 2.9, "idx": [0.0]}
        | {key: values[number] for key, values in more.items()}
        for frame in range(FRAMES)
        for number, body in enumerate(bodies(frame, people))
    ]  # fmt: skip


@pytest.mark.parametrize("joints", [17, 26, 136, 133])
@pytest.mark.parametrize("name", ["{}.jpg", "{:05}.jpg", "my video 2_{}.png"])
def test_alphaposes_results_are_read(tmp_path, joints, name):
    """In any order: files are listed as they were done."""
    path = write(tmp_path / "alphapose-results.json", alphapose(2, joints, name)[::-1])
    expect(path, people=2)


@pytest.mark.parametrize("numbers", [[7, 3], [[7.0], [3.0]], ["7", "3"], [[7, 1], [3]]])
def test_alphaposes_tracks_keep_their_numbers(tmp_path, numbers):
    motion = read_motion(write(tmp_path / "a.json", alphapose(2, idx=numbers)))
    assert motion.keypoints[:, :, NOSE, 0].T[0] == pytest.approx(
        [bodies(frame, 2)[1][NOSE, 0] for frame in range(FRAMES)]
    )


@pytest.mark.parametrize("key", ["people", "bodies"])
def test_alphaposes_other_formats_are_read(tmp_path, key):
    field = {"people": "pose_keypoints_2d", "bodies": "joints"}[key]
    document = {
        f"{frame}.jpg": {"version": "AlphaPose v0.3", key: [{field: reordered(bodies(frame)[0], COCO_18)}]}
        for frame in reversed(range(FRAMES))
    }
    expect(write(tmp_path / "alphapose-results.json", document))


def test_frames_without_a_detection_are_frames_with_nobody(tmp_path):
    listed = [entry for entry in alphapose() if entry["image_id"] not in ("4.jpg", "5.jpg")]
    motion = read_motion(write(tmp_path / "a.json", listed))
    assert motion.present[:, 0].tolist() == [frame not in (4, 5) for frame in range(FRAMES)]
    for entry in listed:  # sampled every tenth frame
        entry["image_id"] = 10 * int(entry["image_id"].split(".")[0])
    motion = read_motion(write(tmp_path / "b.json", listed))
    assert motion.present[:, 0].tolist() == [frame not in (4, 5) for frame in range(FRAMES)]
    for number, entry in enumerate(listed):  # numbers of pictures, not of frames
        entry["image_id"] = 1000 + number**4
    assert read_motion(write(tmp_path / "c.json", listed)).present.all()


@pytest.mark.parametrize("ids", [int, float, str, "{:03}".format])
def test_coco_results_are_read(tmp_path, ids):
    results = [
        {"image_id": ids(frame), "category_id": 1, "keypoints": flat(body), "score": 0.8}
        for frame in range(FRAMES)
        for body in bodies(frame, 2)
    ]
    expect(write(tmp_path / "results.json", results), people=2)


def coco(ids: Any, **image: Any) -> dict[str, Any]:
    return {
        "images": [
            {"id": ids(frame), "width": WIDTH, "height": HEIGHT, "file_name": f"f_{frame}.jpg"} | image
            for frame in range(FRAMES)
        ],
        "annotations": [
            {"image_id": ids(frame), "keypoints": flat(bodies(frame)[0]), "category_id": 1} for frame in range(FRAMES)
        ],
        "categories": [{"id": 1, "name": "person"}],
    }  # fmt: skip


@pytest.mark.parametrize(
    "ids", [int, float, str, "frame_{}".format, lambda frame: f"{'qcbazd'[frame % 6]}-{frame}"]
)
def test_coco_documents_are_read_in_the_natural_order_of_their_ids(tmp_path, ids):
    expect(write(tmp_path / "k.json", coco(ids)), size=(WIDTH, HEIGHT))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_files_with_a_byte_order_mark_are_read(tmp_path, encoding):
    expect(write(tmp_path / "k.json", coco(int), encoding), size=(WIDTH, HEIGHT))


def test_a_coco_document_may_tell_no_size(tmp_path):
    expect(write(tmp_path / "k.json", coco(int, width=None, height=None)))


def mmpose_instances(frame: int, people: int = 1, joints: int = 17) -> list[dict[str, Any]]:
    listed = []
    for body in bodies(frame, people):
        values = np.array(flat(body, joints)).reshape(-1, 3)
        listed.append({
            "keypoints": values[:, :2].tolist(), "keypoint_scores": values[:, 2].tolist(),
            "bbox": [[0, 0, 9, 9]], "bbox_score": 0.9,
        })  # fmt: skip
    return listed


@pytest.mark.parametrize("joints", [17, 26, 133])
def test_mmposes_predictions_are_read(tmp_path, joints):
    frames = [
        {"frame_id": frame + 1, "instances": mmpose_instances(frame, 2, joints)} for frame in range(FRAMES)
    ]
    expect(write(tmp_path / "inferencer.json", frames), people=2)
    demo = {"meta_info": {"dataset_name": "coco"}, "instance_info": frames}
    expect(write(tmp_path / "demo.json", demo), people=2)
    returned = {"predictions": [mmpose_instances(frame, 2, joints) for frame in range(FRAMES)]}
    expect(write(tmp_path / "returned.json", returned), people=2)
    (tmp_path / "predictions").mkdir()
    for frame in range(FRAMES):
        write(tmp_path / "predictions" / f"{frame}.json", mmpose_instances(frame, 2, joints))
    expect(tmp_path / "predictions", people=2)


def test_mmposes_joints_are_found_by_their_names(tmp_path):
    names = list(reversed(KEYPOINT_NAMES))
    frames = [{"frame_id": frame, "instances": mmpose_instances(frame)} for frame in range(FRAMES)]
    for frame in frames:
        frame["instances"][0]["keypoints"].reverse()
    meta = {"keypoint_id2name": {str(index): name for index, name in enumerate(names)}}
    expect(write(tmp_path / "m.json", {"meta_info": meta, "instance_info": frames}))
    meta["keypoint_id2name"]["3"] = "tail"
    with pytest.raises(InputError, match=r"m\.json: .* have tail instead"):
        read_motion(write(tmp_path / "m.json", {"meta_info": meta, "instance_info": frames}))


@pytest.mark.parametrize("score", [math.nan, -0.3, 0, "0.0", None, math.inf])
def test_joints_with_impossible_scores_are_unknown(tmp_path, score):
    listed = alphapose()
    for entry in listed:
        entry["keypoints"] = [str(value) for value in entry["keypoints"]]  # numbers as text are read as well
        entry["keypoints"][3 * LEFT_WRIST + 2] = score
    motion = read_motion(write(tmp_path / "a.json", listed))
    assert np.isnan(motion.keypoints[:, 0, LEFT_WRIST]).all()
    assert not motion.scores[:, 0, LEFT_WRIST].any()
    assert np.isfinite(motion.keypoints[:, 0, NOSE]).all()


def test_the_rate_of_a_file_that_tells_none_is_given(tmp_path):
    path = write(tmp_path / "a.json", alphapose())
    assert (read_motion(path).fps, read_motion(path, 12.5).fps) == (25, 12.5)
    assert len(read_motion(path, 12.5)) == FRAMES


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ([], "nobody in any frame"),
        ({"people": []}, "nobody in any frame"),
        ([{"people": []}] * 3, "nobody in any frame"),
        ({"instance_info": [{"frame_id": 0, "instances": []}]}, "nobody in any frame"),
        ([{"image_id": 0, "keypoints": [1, 2, 1] * 16}], "body of 16 joints"),
        ([{"image_id": 0, "keypoints": [1, 2]}], "looks like a file of COCO"),
        ([{"image_id": 0, "keypoints": ["left", 2, 1]}], "looks like a file of COCO"),
        ([*alphapose(name="{}")[:1], {"image_id": 3}], "a list that starts with a JSON object with 'image_id'"),
        ([relative(openpose(0, COCO_18))], "relative to a picture"),
        ({"instance_info": [{"frame_id": 0, "instances": [7]}]}, "looks like a file of mmpose"),
        ([{"keypoints": [[[1, 2, 3]] * 17], "keypoint_scores": [1] * 17}], "three-dimensional"),
        ({"images": [{"id": 0}], "annotations": [{"image_id": 0, "bbox": [1, 2, 3, 4]}]}, "no keypoints in COCO's"),
        ({"nodes": [], "links": [], "version": 0.4}, "is a ComfyUI workflow"),
        ({"fps": 25, "joints": {}}, "a JSON object with 'fps', 'joints', not keypoints"),
        ([1, 2, 3], "a list that starts with 1, not keypoints"),
        ("text", "is 'text', not keypoints"),
        ([openpose(0, COCO_18) | {"canvas_width": 10**6, "canvas_height": 10**6}], "1000000x1000000 pixels"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_named_in_one_sentence(tmp_path, capsys, document, sentence):
    path = write(tmp_path / "poses.json", document)
    assert main([str(path), "-o", str(tmp_path / "s.mp4")]) == 2
    shown = capsys.readouterr().err
    assert sentence in shown
    assert "poses.json" in shown
    assert shown.count("\n") == 1
    assert not (tmp_path / "s.mp4").exists()


def test_a_file_that_is_no_frame_of_a_folder_is_named(tmp_path):
    for frame in range(3):
        write(tmp_path / f"{frame}.json", openpose(frame, BODY_25))
    write(tmp_path / "all.json", alphapose())
    with pytest.raises(InputError, match=r"all\.json holds 12 frames"):
        read_motion(tmp_path)
    write(tmp_path / "all.json", {"camera": 1})
    with pytest.raises(InputError, match=r"all\.json is a JSON object with 'camera'.* take that file out"):
        read_motion(tmp_path)


def test_a_folder_with_one_file_of_all_frames_is_read(tmp_path):
    write(tmp_path / "alphapose-results.json", alphapose())
    expect(tmp_path)


@pytest.mark.parametrize("nothing", [None, {"people": None}, {"people": [None]}], ids=str)
def test_null_is_nobody(tmp_path, nothing):
    frames = [openpose(frame, COCO_18, **CANVAS) for frame in range(3)]
    motion = read_motion(write(tmp_path / "a.json", [*frames, nothing, frames[0]]))
    assert motion.present[:, 0].tolist() == [True, True, True, False, True]


def test_joints_at_minus_one_are_not_known(tmp_path):
    people = alphapose()
    for person in people:
        person["keypoints"][-3:-1] = [-1, -1]
    motion = read_motion(write(tmp_path / "a.json", people))
    assert np.isnan(motion.keypoints[:, 0, -1]).all()
    assert np.isfinite(motion.keypoints[:, 0, :-1]).all()


def test_joints_of_which_none_is_drawn_are_refused(tmp_path):
    people = alphapose()
    for person in people:
        person["keypoints"][2::3] = [0.1] * 17
    with pytest.raises(
        InputError, match=r"a\.json shows nobody in any frame, as no joint has a score of 0\.3"
    ):
        read_motion(write(tmp_path / "a.json", people))


def test_frames_of_two_videos_in_one_folder_are_refused(tmp_path):
    for frame in range(3):
        for name in ("walk", "Run"):
            write(tmp_path / f"{name}_{frame}_keypoints.json", openpose(frame, BODY_25))
    with pytest.raises(
        InputError, match=r"several videos .*, such as .*0_keypoints\.json and .*0_keypoints\.json;"
    ):
        read_motion(tmp_path)


def test_a_folder_of_pictures_is_named(tmp_path):
    (tmp_path / "frame_1.PNG").touch()
    with pytest.raises(InputError, match="holds pictures, of which a video can be made"):
        read_motion(tmp_path)
