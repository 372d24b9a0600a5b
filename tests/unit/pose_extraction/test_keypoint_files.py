"""Keypoints go into files and come back, from us and from other tools, and are edited."""

import json

import numpy as np
import pytest

from fyp_media.errors import InputError
from fyp_media.read_video import probe, read_frames
from pose_extraction.__main__ import main
from pose_extraction.keypoint_files.coco import from_coco, to_coco
from pose_extraction.keypoint_files.files import read_motion, write_motion
from pose_extraction.motion import edit
from pose_extraction.motion.motion import Motion
from pose_extraction.motion.tracking import choose
from pose_extraction.skeleton import KEYPOINT_NAMES, LINKS, MIRRORED

HEIGHT, WIDTH, FPS = 120, 160, 12.0
NOSE, NECK = 0, 1
LEFT = {name: KEYPOINT_NAMES.index(f"left_{name}") for name in ("shoulder", "hip", "knee", "ankle", "wrist")}


def motion(frames: int = 6, people: int = 2) -> Motion:
    """People who move to the right; the second one comes in the third frame."""
    rng = np.random.default_rng(0)
    bodies = rng.uniform(20, 100, (1, people, 17, 2)) + np.arange(frames)[:, None, None, None] * (1, 0)
    scores = rng.uniform(0.4, 1, (frames, people, 17))
    bodies[:2, 1:], scores[:2, 1:] = np.nan, 0
    return Motion(bodies.astype(np.float32), scores.astype(np.float32), HEIGHT, WIDTH, FPS)


def same(ours: Motion, theirs: Motion) -> bool:
    return (
        np.allclose(ours.keypoints, theirs.keypoints, atol=0.01, equal_nan=True)
        and np.allclose(ours.scores, theirs.scores, atol=0.01)
        and (ours.height, ours.width, ours.fps) == (theirs.height, theirs.width, theirs.fps)
    )


def test_keypoints_come_back_from_their_file(tmp_path):
    write_motion(motion(), tmp_path / "k.json", estimator="scripted")
    assert same(read_motion(tmp_path / "k.json"), motion())
    document = json.loads((tmp_path / "k.json").read_text())
    assert document["info"] == {
        "fps": FPS, "width": WIDTH, "height": HEIGHT, "frames": 6, "estimator": "scripted"
    }  # fmt: skip


def test_the_file_is_cocos():
    document = to_coco(motion())
    (category,) = document["categories"]
    assert category["keypoints"] == list(KEYPOINT_NAMES)
    assert [[start - 1, end - 1] for start, end in category["skeleton"]] == [list(link) for link in LINKS]
    where = [(annotation["image_id"], annotation["track_id"]) for annotation in document["annotations"]]
    assert where == [(0, 1), (1, 1), (2, 1), (2, 2), (3, 1), (3, 2), (4, 1), (4, 2), (5, 1), (5, 2)]
    assert len({annotation["id"] for annotation in document["annotations"]}) == 10
    first = np.array(document["annotations"][0]["keypoints"]).reshape(17, 3)
    assert first[:, :2] == pytest.approx(motion().keypoints[0, 0], abs=0.01)


def test_annotations_of_other_tools_are_read():
    """Visibility flags instead of scores, no numbers of people, no frame rate, image ids with gaps."""
    person = [value for joint in range(17) for value in (10 + joint, 20 + joint, 2)]
    person[:3] = 0, 0, 0
    document = {
        "images": [{"id": 70, "width": 64, "height": 48}, {"id": 9, "width": 64, "height": 48}],
        "annotations": [{"image_id": 70, "keypoints": person}, {"image_id": 70, "keypoints": person}],
    }
    read = from_coco(document)
    assert read.present.tolist() == [[False, False], [True, True]]
    assert np.isnan(read.keypoints[1, 0, NOSE]).all()
    assert read.scores[1, 0].tolist() == [0] + [1] * 16


POSETRACK = ("nose", "head_bottom", "head_top", *KEYPOINT_NAMES[3:])


def person_at(x: float) -> list[float]:
    """COCO's triples of somebody who fills the height of the picture."""
    return [value for joint in range(17) for value in (x + joint % 3, 20 + 4 * joint, 2)]


def coco(*annotations: dict, frames: int = 1, **parts) -> dict:
    images = [{"id": index, "width": WIDTH, "height": HEIGHT} for index in range(frames)]
    return {"images": images, "annotations": [{"image_id": 0} | one for one in annotations]} | parts


def test_annotations_without_a_visible_joint_are_nobody():
    unseen = [value for joint in range(17) for value in (10 + joint, 20 + joint, 0)]
    box = {"bbox": [1, 2, 3, 4], "category_id": 3}
    read = from_coco(coco(box, {"keypoints": unseen}, {"keypoints": []}, {"keypoints": person_at(30)}))
    assert read.keypoints[0, :, NOSE].tolist() == [[30, 20]]
    with pytest.raises(InputError, match="no keypoints in COCO's format"):
        from_coco(coco(box))


def test_joints_are_found_by_their_names():
    annotation = {"category_id": 7, "keypoints": [0, 0, 0, *person_at(30)]}
    names = ["tail", *reversed(KEYPOINT_NAMES)]
    read = from_coco(coco(annotation, categories=[{"id": 7, "keypoints": names}]))
    as_usual = from_coco(coco({"keypoints": person_at(30)}))
    assert read.keypoints[0, 0].tolist() == as_usual.keypoints[0, 0, ::-1].tolist()


def test_joints_that_are_not_cocos_are_refused_by_name():
    categories = [{"id": 1, "keypoints": list(POSETRACK)}]
    with pytest.raises(InputError, match="lack left_eye, right_eye and have head_bottom, head_top instead"):
        from_coco(coco({"category_id": 1, "keypoints": person_at(30)}, categories=categories))
    without_ankles = [{"id": 1, "keypoints": list(KEYPOINT_NAMES[:15])}]
    with pytest.raises(InputError, match="lack left_ankle, right_ankle and have nothing instead"):
        from_coco(coco({"category_id": 1, "keypoints": person_at(30)[:45]}, categories=without_ankles))


@pytest.mark.parametrize("number", [{}, {"track_id": 1}], ids=["nobody numbered", "one numbered"])
def test_people_without_numbers_are_followed(number):
    """They are listed in another order in every other image."""
    annotations = []
    for frame in range(8):
        pair = [
            {"image_id": frame, "keypoints": person_at(20 + frame)} | number,
            {"image_id": frame, "keypoints": person_at(120)},
        ]
        annotations += pair[:: (-1) ** frame]
    read = from_coco(coco(*annotations, frames=8))
    assert read.keypoints[:, :, NOSE, 0].T.tolist() == [[20 + frame for frame in range(8)], [120] * 8]


@pytest.mark.parametrize("fps", [float("inf"), float("nan"), -5])
def test_impossible_rates_are_refused(fps):
    with pytest.raises(InputError, match="frame rate"):
        from_coco(coco({"keypoints": person_at(30)}, info={"fps": fps}))


def openpose_folder(folder, joints: int, left_wrist: int, **canvas):
    """Two frames, in the second the left wrist is not found."""
    body = np.stack([np.arange(joints) * 4.0, np.arange(joints) * 3.0 + 5, np.full(joints, 0.8)], axis=1)
    for frame in range(2):
        people = [{"pose_keypoints_2d": body.ravel().tolist()}]
        (folder / f"dance_{frame:012d}_keypoints.json").write_text(json.dumps({"people": people} | canvas))
        body[left_wrist] = 0
    return body


@pytest.mark.parametrize(
    ("joints", "left_wrist", "right_ankle", "left_ear"),
    [(25, 7, 11, 18), (18, 7, 10, 17)],
    ids=["BODY_25", "COCO-18"],
)
def test_openpose_folders_are_read_and_drawn(tmp_path, joints, left_wrist, right_ankle, left_ear):
    body = openpose_folder(tmp_path, joints, left_wrist, canvas_width=128, canvas_height=96)
    read = read_motion(tmp_path)
    assert (read.width, read.height, read.keypoints.shape) == (128, 96, (2, 1, 17, 2))
    first = dict(zip(KEYPOINT_NAMES, read.keypoints[0, 0].tolist(), strict=True))
    assert first["right_ankle"] == body[right_ankle, :2].tolist()
    assert first["left_ear"] == body[left_ear, :2].tolist()
    assert first["nose"] == body[0, :2].tolist()
    assert np.isnan(read.keypoints[1, 0, LEFT["wrist"]]).all()
    assert main([str(tmp_path), "-o", str(tmp_path / "s.mp4")]) == 0
    assert probe(tmp_path / "s.mp4").frame_count == 2
    assert next(read_frames(tmp_path / "s.mp4")).max() > 200


def test_the_rate_of_a_folder_is_given_and_a_file_is_sampled(tmp_path, capsys):
    (tmp_path / "openpose").mkdir()
    openpose_folder(tmp_path / "openpose", 25, 7)
    assert main([str(tmp_path / "openpose"), "-o", str(tmp_path / "s.mp4"), "--fps", "50", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["frames"], report["fps"], probe(tmp_path / "s.mp4").fps) == (2, 50, 50)

    write_motion(motion(), tmp_path / "k.json")
    sampled = read_motion(tmp_path / "k.json", fps=FPS / 2)
    assert (len(sampled), sampled.fps) == (len(motion()) // 2, FPS / 2)
    assert sampled.keypoints == pytest.approx(motion().keypoints[::2], abs=0.01, nan_ok=True)
    for source in ("openpose", "k.json"):
        with pytest.raises(InputError, match="rate"):
            read_motion(tmp_path / source, fps=0)


def test_keypoints_are_cleaned_on_request_only(tmp_path):
    shaken = motion()
    shaken.keypoints[1::2] += 2
    write_motion(shaken, tmp_path / "k.json")
    for options in ([], ["--smoothing", "1"]):
        targets = ["-o", str(tmp_path / "s.mp4"), "--keypoints", str(tmp_path / f"{len(options)}.json")]
        assert main([str(tmp_path / "k.json"), *targets, *options]) == 0
    kept, cleaned = read_motion(tmp_path / "0.json"), read_motion(tmp_path / "2.json")
    assert same(kept, shaken)
    steps = [np.nanmean(np.abs(np.diff(one.keypoints, 2, axis=0))) for one in (cleaned, kept)]
    assert steps[0] < 0.7 * steps[1]


@pytest.mark.parametrize("option", [["--overlay", "o.mp4"], ["--weights", "w"], ["--estimator", "hrnet"]])
def test_what_keypoints_have_no_use_for_is_said(tmp_path, capsys, option):
    write_motion(motion(), tmp_path / "k.json")
    assert main([str(tmp_path / "k.json"), "-o", str(tmp_path / "s.mp4"), *option]) == 2
    assert "holds keypoints" in capsys.readouterr().err
    assert not (tmp_path / "s.mp4").exists()


def test_without_a_canvas_the_picture_holds_all_joints(tmp_path):
    openpose_folder(tmp_path, 25, 7)
    read = read_motion(tmp_path)
    assert read.width > np.nanmax(read.keypoints[..., 0])
    assert read.height > np.nanmax(read.keypoints[..., 1])


def test_coordinates_counted_from_the_pictures_middle_are_moved_into_a_picture(tmp_path):
    body = np.linspace(-100, 100, 75).reshape(25, 3)
    body[:, 2] = 0.8
    for frame in range(2):
        (tmp_path / f"{frame}_keypoints.json").write_text(openpose_frame(body + np.array([5 * frame, 0, 0])))
    read = read_motion(tmp_path)
    assert np.nanmin(read.keypoints) > 0
    assert (np.nanmax(read.keypoints, axis=(0, 1, 2)) < (read.width, read.height)).all()
    np.testing.assert_allclose(np.diff(read.keypoints[:, 0, NOSE], axis=0), [[5, 0]], atol=1e-3)


def openpose_frame(*people: np.ndarray) -> str:
    return json.dumps({"people": [{"pose_keypoints_2d": body.ravel().tolist()} for body in people]})


def test_who_shows_none_of_cocos_joints_is_nobody(tmp_path):
    neck_only = np.zeros((25, 3))
    neck_only[NECK] = 50, 40, 0.9
    (tmp_path / "0_keypoints.json").write_text(
        openpose_frame(neck_only, np.zeros((0, 3)), np.full((25, 3), 9))
    )
    assert read_motion(tmp_path).present.tolist() == [[True]]


@pytest.mark.parametrize("lowest", [0, -1], ids=["keypoint_scale 3", "keypoint_scale 4"])
def test_relative_coordinates_are_refused(tmp_path, lowest):
    body = np.linspace(lowest, 1, 75).reshape(25, 3)
    body[:, 2] = 0.8
    (tmp_path / "0_keypoints.json").write_text(openpose_frame(body))
    with pytest.raises(InputError, match="--keypoint_scale 0"):
        read_motion(tmp_path)


def test_frame_numbers_need_no_padding(tmp_path):
    for frame in range(12):
        body = np.arange(20, 95).reshape(25, 3) + frame
        (tmp_path / f"{frame}_keypoints.json").write_text(openpose_frame(body))
    assert read_motion(tmp_path).keypoints[:, 0, NOSE, 0].tolist() == list(range(20, 32))


def test_keypoints_do_not_take_the_place_of_their_source(tmp_path, capsys):
    """Nor do they come to lie among OpenPose's frames, where they would be read as one."""
    source, folder = tmp_path / "k.json", tmp_path / "openpose"
    write_motion(motion(), source)
    before = source.read_bytes()
    folder.mkdir()
    openpose_folder(folder, 25, 7)
    video = ["-o", str(tmp_path / "s.mp4"), "--keypoints"]
    for arguments in (
        [str(source), *video, str(source), "--people", "1"],
        ["edit", str(source), "-o", str(source), "--people", "1"],
        [str(folder), *video, str(folder / "k.json")],
        ["edit", str(folder), "-o", str(folder / "k.json")],
    ):
        assert main(arguments) == 2
        assert "would" in capsys.readouterr().err
    assert source.read_bytes() == before
    assert len(list(folder.iterdir())) == 2
    assert not (tmp_path / "s.mp4").exists()
    assert main([str(folder), "-o", str(folder / "s.mp4"), "--keypoints", str(tmp_path / "o.json")]) == 0


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{", "cannot be read as JSON"),
        ("[]", "nobody in any frame"),
        ('{"images": [], "annotations": []}', "no keypoints in COCO's format"),
        ('{"images": [{"id": 0, "width": 8, "height": 8}], "annotations": []}', "nobody in any frame"),
        (
            '{"images": [{"id": 0, "width": 8, "height": 8}],'
            ' "annotations": [{"image_id": 0, "keypoints": [1, 2, 1]}]}',
            "k.json: A body of 1 joints",
        ),
        (None, "There is no file"),
    ],
    ids=["cut off", "a list", "no images", "nobody", "one joint", "missing"],
)
def test_other_files_are_refused_in_one_sentence(tmp_path, capsys, content, sentence):
    if content is not None:
        (tmp_path / "k.json").write_text(content)
    assert main(["edit", str(tmp_path / "k.json"), "-o", str(tmp_path / "out.json")]) == 2
    shown = capsys.readouterr().err
    assert sentence in shown
    assert shown.count("\n") == 1
    assert not (tmp_path / "out.json").exists()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "write_json"),
        ("{}", "write_json"),
        ('{"people": [{"pose_keypoints_2d": [1, 2, 3]}]}', "A body of 1 joints"),
        ('{"people": [{"pose_keypoints_2d": [1, 2]}]}', "no keypoints in OpenPose's format"),
    ],
)
def test_folders_that_are_not_openposes_are_refused(tmp_path, content, sentence):
    if content:
        (tmp_path / "a.json").write_text(content)
    with pytest.raises(InputError, match=sentence):
        read_motion(tmp_path)


def test_scale_keeps_the_middle_and_shift_moves():
    larger = edit.scale(motion(), 2)
    middle = np.array([WIDTH - 1, HEIGHT - 1]) / 2
    assert larger.keypoints - middle == pytest.approx(
        2 * (motion().keypoints - middle), abs=0.01, nan_ok=True
    )
    moved = edit.shift(motion(), 10, -4)
    assert moved.keypoints == pytest.approx(motion().keypoints + np.array([10, -4]), nan_ok=True)


def test_people_grow_about_their_feet_or_their_middle():
    standing = motion()
    for person in range(2):
        joints = standing.keypoints[:, person]
        larger = edit.scale(standing, 1.5, about="feet").keypoints[:, person]
        assert np.nanmax(larger[..., 1]) == pytest.approx(np.nanmax(joints[..., 1]), abs=0.01)
        assert np.nanmedian(larger[..., 0]) == pytest.approx(np.nanmedian(joints[..., 0]), abs=0.01)
        smaller = edit.scale(standing, 0.5, about="body").keypoints[:, person]
        assert np.nanmedian(smaller, axis=(0, 1)) == pytest.approx(
            np.nanmedian(joints, axis=(0, 1)), abs=0.01
        )
        for scaled, factor in ((larger, 1.5), (smaller, 0.5)):
            assert np.nanstd(scaled) == pytest.approx(np.nanstd(joints) * factor, rel=0.5)
            assert np.diff(scaled, axis=0) == pytest.approx(
                factor * np.diff(joints, axis=0), abs=0.01, nan_ok=True
            )


def test_limb_lengths_are_taken_from_another_motion():
    child = edit.scale(edit.retarget(motion(), edit.BODIES["child"]), 2)
    proportions = edit.proportions_like(motion(), child)
    for limb, factor in edit.BODIES["child"].items():
        assert proportions[limb] == pytest.approx(factor / edit.BODIES["child"]["torso"], rel=1e-3)
    armless = motion()
    armless.keypoints[:, :, 7:11] = np.nan
    assert set(edit.proportions_like(motion(), armless)) == set(edit.LIMBS) - {"arms"}


def test_proportions_are_read_from_text():
    assert edit.parse_proportions("child") == edit.BODIES["child"]
    assert edit.parse_proportions("legs=1.3, arms=0.8") == {"legs": 1.3, "arms": 0.8}
    for text in ("dwarf", "legs=long", "tail=2", "legs=-1", "legs"):
        with pytest.raises(InputError):
            edit.parse_proportions(text)


def test_mirroring_twice_gives_the_original():
    once = edit.mirror(motion())
    assert once.keypoints[3, 0, LEFT["wrist"], 0] == pytest.approx(
        WIDTH - 1 - motion().keypoints[3, 0, MIRRORED[LEFT["wrist"]], 0]
    )
    assert same(edit.mirror(once), motion())


def test_speed_trim_and_loop_change_the_time():
    slow = edit.speed(motion(), 0.5)
    assert len(slow) == 12
    assert slow.keypoints[5, 0] == pytest.approx(motion().keypoints[2:4, 0].mean(axis=0), abs=0.01)
    assert len(edit.speed(motion(), 3)) == 2
    assert same(edit.speed(motion(), 1), motion())
    trimmed = edit.trim(motion(), 1 / FPS, 3 / FPS)
    assert trimmed.keypoints == pytest.approx(motion().keypoints[1:3], nan_ok=True)
    looped = edit.loop(trimmed, 3)
    assert looped.keypoints == pytest.approx(np.tile(trimmed.keypoints, (3, 1, 1, 1)), nan_ok=True)


def lengths(moved: Motion, start: int, end: int) -> np.ndarray:
    return np.linalg.norm(moved.keypoints[:, 0, end] - moved.keypoints[:, 0, start], axis=-1)


def test_another_body_has_other_bones_in_the_same_directions_and_stays_on_the_ground():
    child = edit.retarget(motion(), edit.BODIES["child"])
    for start, end in ((LEFT["hip"], LEFT["knee"]), (LEFT["knee"], LEFT["ankle"])):
        assert lengths(child, start, end) == pytest.approx(0.5 * lengths(motion(), start, end), rel=1e-3)
        ours, theirs = (body.keypoints[0, 0, end] - body.keypoints[0, 0, start] for body in (child, motion()))
        assert ours / np.linalg.norm(ours) == pytest.approx(theirs / np.linalg.norm(theirs), abs=1e-3)
    lowest = [body.keypoints[:, 0, :, 1].max(axis=1) for body in (child, motion())]
    assert lowest[0] == pytest.approx(lowest[1], abs=1e-3)
    assert same(edit.retarget(motion(), {}), motion())


@pytest.mark.parametrize("unknown", ["nose", "hip", "shoulder", "elbow"])
def test_another_body_keeps_joints_that_hang_on_unknown_ones(unknown):
    partly = motion()
    partly.keypoints[:, :, [unknown in name for name in KEYPOINT_NAMES]] = np.nan
    assert same(edit.retarget(partly, {}), partly)
    child = edit.retarget(partly, edit.BODIES["child"])
    assert np.array_equal(np.isnan(child.keypoints), np.isnan(partly.keypoints))


def test_edits_that_cannot_be_are_one_sentence():
    for change in (
        lambda: edit.scale(motion(), 0),
        lambda: edit.speed(motion(), float("nan")),
        lambda: edit.speed(motion(), 1e-300),
        lambda: edit.trim(motion(), 3, 4),
        lambda: edit.shift(motion(), float("inf"), 0),
        lambda: edit.loop(motion(), 0),
        lambda: edit.loop(motion(), 10**12),
        lambda: edit.retarget(motion(), {"tail": 2}),
        lambda: edit.retarget(motion(), {"legs": -1}),
    ):
        with pytest.raises(InputError):
            change()


def test_the_command_edits_in_the_order_it_lists(tmp_path, capsys):
    write_motion(motion(), tmp_path / "k.json")
    steps = "--people 1 --trim 0,0.25 --speed 0.5 --loop 2 --retarget legs=1.2,arms=0.9 --scale 1.5 --mirror"
    files = ["edit", str(tmp_path / "k.json"), "-o", str(tmp_path / "e.json")]
    status = main([*files, *steps.split(), "--shift", "5,-3", "--json"])
    assert status == 0
    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (report["frames"], report["people"], report["fps"]) == (12, 1, FPS)
    expected = edit.loop(edit.speed(edit.trim(choose(motion(), "1"), 0, 0.25), 0.5), 2)
    expected = edit.scale(edit.retarget(expected, {"legs": 1.2, "arms": 0.9}), 1.5)
    assert same(read_motion(tmp_path / "e.json"), edit.shift(edit.mirror(expected), 5, -3))


def test_the_command_trims_to_the_end_and_refuses_what_is_no_number(tmp_path, capsys):
    write_motion(motion(), tmp_path / "k.json")
    files = ["edit", str(tmp_path / "k.json"), "-o", str(tmp_path / "e.json")]
    for option in (["--trim", "nan,2"], ["--shift", "nan,0"], ["--shift", "1"]):
        with pytest.raises(SystemExit, match="2"):
            main([*files, *option])
        assert f"give two numbers such as 0.5,4, not '{option[1]}'" in capsys.readouterr().err
    assert not (tmp_path / "e.json").exists()
    assert main([*files, "--trim=-inf,inf"]) == 0
    assert same(read_motion(tmp_path / "e.json"), motion())
    assert main([*files, "--trim", f"{2 / FPS},inf"]) == 0
    assert same(read_motion(tmp_path / "e.json"), edit.trim(motion(), 2 / FPS, 6 / FPS))


def joints_at(x: float, y: float) -> list[float]:
    return [value for joint in range(17) for value in (x + joint % 4, y + joint, 1.0)]


def body(person: int) -> dict:
    return {"image_id": 0, "keypoints": [person + 1.0, 5.0, 1.0] * 17, "track_id": person}


def one_after_the_other(people: int, size: int = 100, **changes) -> dict:
    """A small file in which somebody else is in each frame."""
    images = [{"id": frame, "width": size, "height": size} for frame in range(people)]
    return {
        "images": images,
        "annotations": [{**body(frame), "image_id": frame, **changes} for frame in range(people)],
    }


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        (one_after_the_other(1100), "1100 people or more come and go in 1100 frames"),
        (
            one_after_the_other(1) | {"annotations": [body(person) for person in range(200)]},
            "200 people, but",
        ),
        (one_after_the_other(1, size=10**9), "1000000000x1000000000 pixels, but at most 36 megapixels"),
    ],
)
def test_a_small_file_that_would_take_much_memory_is_refused(document, sentence, tmp_path):
    (tmp_path / "bomb.json").write_text(json.dumps(document))
    with pytest.raises(InputError, match=sentence):
        read_motion(tmp_path / "bomb.json")


def test_people_who_jump_about_are_not_followed_without_end(tmp_path):
    document = one_after_the_other(1100, size=5000)
    for number, annotation in enumerate(document["annotations"]):
        annotation |= {"track_id": None, "keypoints": joints_at(number * 977 % 4900, number * 613 % 4900)}
    (tmp_path / "bomb.json").write_text(json.dumps(document))
    with pytest.raises(InputError, match="come and go in 1100 frames"):
        read_motion(tmp_path / "bomb.json")


def test_options_that_cannot_be_read_are_explained(tmp_path, capsys):
    files = [str(tmp_path / "k.json"), "-o", str(tmp_path / "s.mp4")]
    for arguments, sentence in (
        ([*files, "--smoothing", "-1"], "give a number from 0, not '-1'"),
        ([*files, "--smoothing", "much"], "give a number from 0, not 'much'"),
        (["edit", *files, "--retarget", "dwarf"], "factors such as legs=1.3,arms=0.8, not 'dwarf'"),
        (["edit", *files, "--retarget", "legs=long"], "factors such as legs=1.3,arms=0.8, not 'legs=long'"),
    ):
        with pytest.raises(SystemExit, match="2"):
            main(arguments)
        assert sentence in capsys.readouterr().err


def test_limb_lengths_of_somebody_else_and_size_about_the_feet_from_the_command_line(tmp_path):
    write_motion(motion(), tmp_path / "k.json")
    write_motion(edit.retarget(motion(), {"legs": 2}), tmp_path / "target.json")
    files = ["edit", str(tmp_path / "k.json"), "-o", str(tmp_path / "e.json")]
    body = ["--retarget", str(tmp_path / "target.json"), "--scale", "0.5", "--scale-about", "feet"]
    assert main([*files, *body]) == 0
    expected = edit.scale(edit.retarget(motion(), {"legs": 2}), 0.5, "feet")
    assert read_motion(tmp_path / "e.json").keypoints == pytest.approx(
        expected.keypoints, abs=0.05, nan_ok=True
    )
    assert main([*files, "--retarget", str(tmp_path / "missing.json")]) == 2


@pytest.mark.parametrize(
    ("typed", "program"),
    [("/usr/bin/fyp-pose", "fyp-pose"), ("/x/pose_extraction/__main__.py", "python -m pose_extraction")],
)
def test_help_names_the_program_as_it_was_typed(monkeypatch, capsys, typed, program):
    monkeypatch.setattr("sys.argv", [typed])
    for arguments in (["--help"], ["edit", "--help"]):
        with pytest.raises(SystemExit):
            main(arguments)
        assert capsys.readouterr().out.startswith(f"usage: {program} ")
