"""The measures: right where the truth is known, and a whole evaluation at toy size."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPProcessor

from benchmarks.random_model import clip_tokenizer
from fyp_core.__main__ import main
from fyp_core.conditioning.skeleton_input import skeleton_to_tensor
from fyp_core.evaluation import (
    DEFAULT_SOURCES,
    PAIRS,
    SOURCES,
    Estimate,
    Records,
    as_document,
    as_table,
    evaluate,
    motion_cases,
    save_gallery,
    world_cases,
)
from fyp_core.evaluation.scoring.classifier import Classifier
from fyp_core.evaluation.scoring.clip_score import ClipJudge
from fyp_core.evaluation.scoring.judges import CLASSIFIER_FILE, POSE_FILE, Judges
from fyp_core.evaluation.scoring.measures import (
    background_flicker,
    correct_keypoints,
    correct_keypoints_of_people,
    neighbour_similarity,
    warp_error,
)
from fyp_core.evaluation.scoring.people import person_boxes
from fyp_core.evaluation.scoring.precision import average_precision
from fyp_core.evaluation.scoring.skeleton_reading import read_skeletons
from fyp_core.evaluation.variants import prepared, show
from fyp_core.pipeline import FollowYourPosePipeline
from fyp_core.synthetic import CHARACTERS, HELD_OUT_PAIRS, SCENES, sample_clip
from fyp_core.training.config import JudgeConfig, WorldData
from fyp_core.training.data.people import CROPS_OF_A_CLIP, NamedPeople, PosedPeople, cut_out_person
from fyp_core.training.stages.judges import PoseJudgeStage, heatmaps
from fyp_core.weights.checkpoints import bundled
from fyp_media.errors import InputError
from fyp_media.fit import cover
from pose_extraction.estimators.hrnet import HRNet, HRNetPose, decode
from pose_extraction.estimators.hrnet_weights import Build, save_hrnet
from pose_extraction.keypoint_files.files import write_motion
from pose_extraction.motion.motion import Motion
from tests.end_to_end.conftest import EXAMPLES
from tests.tiny_model import SIZE, build_pipeline
from tests.unit.pose_extraction.test_keypoint_files import openpose_folder

SQUARE = (64, 64)
POSE_BACKBONE = "hrnet_w18_small"


@pytest.fixture
def clip():
    return sample_clip(np.random.default_rng(1), 4, 64, stride=4)


@pytest.fixture(scope="module")
def pipeline() -> FollowYourPosePipeline:
    return build_pipeline()


@pytest.fixture(scope="module")
def cases():
    return [case for pairs in PAIRS for case in world_cases(pairs, 3, 2, SIZE)]


class KnowingJudges:
    """Knows every case, whatever the pictures show; joints it says are ``shift`` boxes away to the right."""

    def __init__(self, cases, shift: float = 0) -> None:
        self.asked = 0
        self._answers = [self._answer(case, shift) for case in cases]

    @staticmethod
    def _answer(case, shift):
        shown = np.where(case.visible[..., None], case.keypoints, np.nan)
        side = (np.nanmax(shown, 2) - np.nanmin(shown, 2)).max(-1)
        moved = case.keypoints + np.stack([shift * side, np.zeros_like(side)], -1)[:, :, None]
        return case, moved

    def _case(self):
        return self._answers[(self.asked - 1) % len(self._answers)]

    def find_joints(self, pictures, asked, visible) -> tuple[np.ndarray, np.ndarray]:
        self.asked += 1
        return self._case()[1], np.ones(asked.shape[:-1], np.float32)

    def classify(self, pictures, asked, visible) -> tuple[tuple[str, ...], str]:
        return self._case()[0].characters, "nowhere"

    def features(self, pictures: np.ndarray) -> np.ndarray:
        return pictures.reshape(len(pictures), -1).astype(np.float32)


# --- measures


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


def test_a_video_that_stands_still_is_perfectly_steady(clip) -> None:
    still = np.repeat(clip.frames[:1], 3, axis=0)
    assert background_flicker(still, clip.skeletons()[:3]) == 0
    assert warp_error(still) == 0
    assert neighbour_similarity(still.reshape(3, -1).astype(float)) == pytest.approx(1)


def test_what_cannot_be_compared_does_not_pass_for_steady(clip) -> None:
    one = clip.frames[:1], clip.skeletons()[:1]
    assert background_flicker(*one) is None
    assert warp_error(one[0]) is None
    assert neighbour_similarity(np.ones((1, 3))) is None
    assert background_flicker(clip.frames, np.full_like(clip.frames, 255)) is None, "no background"


def test_similarity_is_the_cosine_of_neighbours() -> None:
    turning = np.array([[1.0, 0], [0, 2], [3, 3]])
    assert neighbour_similarity(turning) == pytest.approx(np.sqrt(0.5) / 2)


def test_warping_follows_motion_and_tells_flicker() -> None:
    texture = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (96, 160, 3), np.uint8), (0, 0), 3)
    panned = np.stack([texture[:, 4 * i : 96 + 4 * i] for i in range(4)])
    unwarped = np.abs(np.diff(panned.astype(int), axis=0)).mean()
    assert warp_error(panned) < unwarped / 5
    flickering = panned.astype(int)
    flickering[1::2] += 20
    assert warp_error(flickering.clip(0, 255).astype(np.uint8)) > 10


def test_precision_is_one_for_the_truth_and_falls_as_joints_move(clip) -> None:
    joints, visible, scores = clip.keypoints[:, 0], clip.scores[:, 0] > 0.5, np.ones((4, 17))

    def precision(shift: float) -> float:
        return average_precision([(joints, visible, joints + np.float32(shift), scores)])

    assert precision(0) == pytest.approx(1)
    assert 0 < precision(1.5) < 1
    assert precision(60) == 0


def test_precision_takes_no_account_of_joints_out_of_sight(clip) -> None:
    visible = np.ones((4, 17), bool)
    visible[:, 9] = False
    visible[2] = False
    found = clip.keypoints[:, 0].copy()
    found[:, 9] += 1000
    found[2] += 1000
    assert average_precision([(clip.keypoints[:, 0], visible, found, np.ones((4, 17)))]) == pytest.approx(1)


def test_intervals_are_students() -> None:
    estimate = Estimate.of([1.0, 2.0, 3.0])
    assert (estimate.mean, estimate.margin) == (
        pytest.approx(2),
        pytest.approx(4.3027 / np.sqrt(3), rel=1e-4),
    )
    assert Estimate.of([5.0]).margin is None
    assert Estimate.of([1.0, 1.0, 1.0]).margin is None, "all right so far does not mean always right"


# --- judges


def new_classifier() -> Classifier:
    return Classifier.create("mobilenetv3_small_050", 64, list(CHARACTERS), SCENES)


def test_heatmaps_are_decoded_to_the_joints(clip) -> None:
    joints = clip.keypoints[:, 0]
    cells, _ = decode(heatmaps(torch.from_numpy(joints), 64).numpy())
    inside = (joints > 4).all(-1) & (joints < 56).all(-1)
    assert np.abs(cells * 4 - joints)[inside].max() <= 2


def test_people_to_judge_repeat_and_are_as_many_whatever_the_clip() -> None:
    posed, named = (kind(WorldData(size=64), 32, seed=1) for kind in (PosedPeople, NamedPeople))
    for data in (posed, named):
        sample, again = data[3], data[3]
        assert all(torch.equal(sample[name], again[name]) for name in sample)
    for index in range(6):
        assert posed[index]["pictures"].shape == (CROPS_OF_A_CLIP, 32, 32, 3)
        assert posed[index]["keypoints"].shape == (CROPS_OF_A_CLIP, 17, 2)


def test_joints_go_with_a_person_who_is_cut_out() -> None:
    clip = sample_clip(np.random.default_rng(3), 1, 256, people=2)
    dots = np.zeros_like(clip.frames)
    for x, y in clip.keypoints[0, 1]:
        cv2.circle(dots[0], (round(x), round(y)), 9, (255, 255, 255), -1)
    clip = replace(clip, frames=dots)
    for seed in range(12):  # some turned, some soft
        cut, joints, visible = cut_out_person(np.random.default_rng(seed), clip, 0, 1, 128)
        columns, rows = joints[visible].round().astype(int).T
        assert cut[rows, columns].min() > 60


def test_boxes_hold_what_is_visible_of_each_person() -> None:
    joints = np.zeros((1, 2, 17, 2), np.float32)
    joints[0, 0, :3] = [[10, 20], [60, 50], [400, 90]]
    visible = np.zeros((1, 2, 17), bool)
    visible[0, 0, :2] = True
    first, nobody = person_boxes(joints, visible, (100, 200))[0]
    assert first.tolist() == [10, 20, 60, 50]
    assert (nobody[2:] > nobody[:2]).all(), "something can be cut out"


def test_missing_judges_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=POSE_FILE):
        Judges.load(tmp_path)


def test_broken_judges_are_named(tmp_path: Path) -> None:
    (tmp_path / POSE_FILE).write_bytes(b"no weights")
    with pytest.raises(InputError, match=f"{POSE_FILE} is no judge of this kind"):
        Judges.load(tmp_path)


@pytest.mark.parametrize(
    "place",
    [
        torch.float64,
        pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")),
    ],
)
def test_judging_leaves_networks_where_they_train(place: torch.dtype | str, clip) -> None:
    classifier = new_classifier()
    networks = [HRNet(POSE_BACKBONE).to(place), classifier.network.to(place)]
    before = [(p.dtype, p.device) for network in networks for p in network.parameters()]
    judges = Judges(HRNetPose(networks[0], (64, 64)), classifier)
    asked = clip.keypoints, clip.scores > 0.5
    keypoints, scores = judges.find_joints(clip.frames, *asked)
    assert (keypoints.shape, scores.shape) == ((4, 1, 17, 2), (4, 1, 17))
    characters, scene = judges.classify(clip.frames, *asked)
    assert len(characters) == 1 and characters[0] in CHARACTERS and scene in SCENES
    assert len(judges.features(clip.frames)) == 4
    assert [(p.dtype, p.device) for network in networks for p in network.parameters()] == before


def test_joints_are_found_in_pictures_that_are_not_square() -> None:
    clip = sample_clip(np.random.default_rng(1), 4, (128, 104), stride=4)
    asked = clip.keypoints, clip.scores > 0.5
    found, _ = Judges.load(bundled("judges")).find_joints(clip.frames, *asked)
    assert correct_keypoints_of_people(found, *asked, 0.1) > 0.85


def test_a_judge_goes_on_from_its_weights(judges_dir: Path) -> None:
    world = WorldData(size=64)
    backbone = {"backbone": POSE_BACKBONE}
    stage = PoseJudgeStage(
        JudgeConfig(
            stage="judge_pose", pretrained_model_path=str(judges_dir), train_data=world, model=backbone
        )
    )
    before = load_file(judges_dir / POSE_FILE)
    state = stage.network.state_dict()
    assert all(torch.equal(state[name], tensor.to(state[name].dtype)) for name, tensor in before.items())


@pytest.fixture(scope="module")
def clip_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CLIP at toy width with random weights."""
    folder = tmp_path_factory.mktemp("clip")
    tokenizer = clip_tokenizer(folder)
    torch.manual_seed(0)
    narrow = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    text = {
        **narrow,
        "vocab_size": len(tokenizer),
        "eos_token_id": tokenizer.eos_token_id,
        "max_position_embeddings": 40,
    }
    config = CLIPConfig(
        text_config=text, vision_config={**narrow, "image_size": 16, "patch_size": 8}, projection_dim=8
    )
    CLIPModel(config).save_pretrained(folder)
    images = CLIPImageProcessor(size={"shortest_edge": 16}, crop_size={"height": 16, "width": 16})
    CLIPProcessor(images, tokenizer).save_pretrained(folder)
    return folder


def test_clip_score_is_the_similarity_of_pictures_and_words(clip_dir: Path, clip) -> None:
    judge = ClipJudge.load(clip_dir)
    features = judge.features(clip.frames)
    assert features.shape == (4, 8)
    with torch.inference_mode():
        tokens = CLIPProcessor.from_pretrained(clip_dir)(text=["a robot"], return_tensors="pt")
        words = CLIPModel.from_pretrained(clip_dir).get_text_features(**tokens).pooler_output[0].numpy()
    cosines = features @ words / np.linalg.norm(features, axis=1) / np.linalg.norm(words)
    assert judge.score(clip.frames, "a robot") == pytest.approx(max(0, 100 * cosines.mean()), abs=1e-3)


def test_a_folder_without_clip_is_reported(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no CLIP"):
        ClipJudge.load(tmp_path)


# --- cases and sources


def test_motions_are_the_same_for_both_kinds_of_pairs() -> None:
    seen, held_out = (world_cases(pairs, len(HELD_OUT_PAIRS), 2, SIZE) for pairs in PAIRS)
    for one, other in zip(seen, held_out, strict=True):
        np.testing.assert_array_equal(one.keypoints, other.keypoints)
        assert (one.characters[0], one.scene) not in HELD_OUT_PAIRS
    assert {(case.characters[0], case.scene) for case in held_out} == HELD_OUT_PAIRS
    np.testing.assert_array_equal(world_cases("seen", 5, 2, SIZE)[4].frames, seen[4].frames)


@pytest.mark.parametrize("source", SOURCES)
def test_a_case_is_shown_alike_in_any_company(pipeline, cases, source: str) -> None:
    with prepared(pipeline, source):
        together = show(pipeline, source, cases[:3], seed=1)
        alone = show(pipeline, source, cases[1:2], seed=1)
    assert together[1].shape == cases[1].skeletons.shape
    assert np.abs(together[1].astype(int) - alone[0]).max() <= 1


def test_frame_by_frame_no_frame_knows_the_others(pipeline, cases) -> None:
    with prepared(pipeline, "frame by frame, shared noise"):
        first = cases[0]
        still = [replace(first, skeletons=first.skeletons[[0, 0]])]
        (video,) = show(pipeline, "frame by frame, shared noise", still, 0)
        np.testing.assert_array_equal(video[0], video[1])
        (video,) = show(pipeline, "frame by frame", still, 0)
        assert (video[0] != video[1]).any()


def test_parts_come_back_after_they_were_switched_off(pipeline, cases) -> None:
    before = pipeline.unet
    (usual,) = show(pipeline, "model", cases[:1], 0)
    with prepared(pipeline, "cross-frame attention only"):
        (without,) = show(pipeline, "cross-frame attention only", cases[:1], 0)
    assert pipeline.unet is before
    assert (usual != without).any()


# --- people's own motions


def test_joints_are_read_back_from_a_drawing() -> None:
    cases = world_cases("seen", 8, 2, 256)
    whole = next(case for case in cases if case.visible[..., 5:].all())  # all limbs
    joints, drawn = read_skeletons(whole.skeletons)
    assert correct_keypoints(joints, whole.keypoints[:, 0], whole.visible[:, 0], 0.1) > 0.95
    assert drawn[:, 5:].all()


def test_lines_that_are_not_a_person_are_reported() -> None:
    scribble = np.zeros((1, 96, 96, 3), np.uint8)
    for row in range(0, 96, 8):
        scribble[:, row : row + 2] = 255, 153, 51
    with pytest.raises(InputError, match="one person"):
        read_skeletons(scribble)


@pytest.mark.parametrize("size", [(64, 64), (40, 64), (64, 40)])
def test_joints_lie_where_the_pipeline_puts_their_picture(size: tuple[int, int]) -> None:
    for height, width in ((80, 120), (150, 90), (64, 64), (20, 31)):
        points = np.array([[[width / 2 + 2, height / 2 - 4]]])
        picture = np.zeros((1, height, width, 3), np.uint8)
        cv2.circle(picture[0], tuple((points[0, 0] * 16).astype(int)), 48, (255,) * 3, -1, cv2.LINE_AA, 4)
        fitted = skeleton_to_tensor(picture, *size)[0, 0].numpy()
        rows, columns = np.indices(fitted.shape)
        center = (columns * fitted).sum() / fitted.sum(), (rows * fitted).sum() / fitted.sum()
        assert cover((height, width), size).map_points(points)[0, 0] == pytest.approx(center, abs=0.4)


def keypoint_file(folder: Path, frames: int = 12) -> tuple[Path, Motion]:
    walk = sample_clip(np.random.default_rng(5), frames, 64, motion="walk")
    motion = Motion(walk.keypoints, walk.scores, 64, 64, 24.0)
    write_motion(motion, folder / "walk.json")
    return folder / "walk.json", motion


def test_a_keypoint_file_gives_shots_spread_over_it(tmp_path: Path) -> None:
    path, motion = keypoint_file(tmp_path)
    first, last = motion_cases(path, "skeleton", ["a robot"], 2, 3, SQUARE, stride=2)
    assert (first.group, first.prompt, first.characters, first.frames) == ("walk", "a robot", (), None)
    seen = first.visible
    np.testing.assert_allclose(first.keypoints[seen], motion.keypoints[:6:2][seen], atol=0.01)
    seen = last.visible[-1]
    np.testing.assert_allclose(last.keypoints[-1][seen], motion.keypoints[10][seen], atol=0.01)
    assert (first.skeletons.shape, first.skeletons.dtype) == ((3, 64, 64, 3), np.uint8)
    assert len(motion_cases(path, "skeleton", ["a robot"], 9, 5, SQUARE, stride=2)) == 2, "all that differ"
    (case,) = motion_cases(path, "skeleton", [], 1, 3, SQUARE)
    assert len(case.characters) == 1 and (case.characters[0], case.scene) not in HELD_OUT_PAIRS
    with pytest.raises(InputError, match="12 frames"):
        motion_cases(path, "skeleton", [], 1, 13, SQUARE, stride=1)


def test_the_person_of_a_raw_video_is_followed() -> None:
    (case,) = motion_cases(EXAMPLES / "raw_man_jumping_jacks.mp4", "raw", ["a robot"], 1, 3, SQUARE)
    assert case.skeletons.any(axis=(1, 2, 3)).all()
    assert case.keypoints.shape == (3, 1, 17, 2)
    rows, columns = case.keypoints[case.visible].round().astype(int).T[::-1]
    frames = np.argwhere(case.visible)[:, 0]
    near = np.stack([cv2.dilate(skeleton.max(-1), np.ones((3, 3))) for skeleton in case.skeletons])
    assert (near[frames, rows, columns] > 0).mean() > 0.9


# --- evaluation


def test_a_perfect_referee_finds_everything_in_renders(pipeline, cases) -> None:
    results = evaluate(pipeline, KnowingJudges(cases), cases, sources=["renders", "renders"])
    assert [(result.source, result.group, result.clips) for result in results] == [
        ("renders", pairs, 3) for pairs in PAIRS
    ]
    means = {name: estimate.mean for name, estimate in results[0].measures.items()}
    assert means["pck@0.1"] == means["pck@0.05"] == means["character"] == 1
    assert means["oks_ap"] == pytest.approx(1)
    assert means["scene"] == 0
    assert means["flicker"] < 0.5


@pytest.mark.parametrize(("shift", "expected"), [(0.04, (1, 1)), (0.08, (1, 0)), (0.2, (0, 0))])
def test_poses_beside_the_truth_cost_what_they_should(pipeline, cases, shift: float, expected) -> None:
    (result, _) = evaluate(pipeline, KnowingJudges(cases, shift), cases, sources=["renders"])
    assert (result.measures["pck@0.1"].mean, result.measures["pck@0.05"].mean) == expected


def test_every_source_is_measured_and_shown(pipeline, cases, tmp_path: Path) -> None:
    records = Records(None, {})
    results = evaluate(pipeline, KnowingJudges(cases), cases, seeds=2, batch=2, records=records)
    assert [(r.source, r.group) for r in results] == [(s, p) for s in DEFAULT_SOURCES for p in PAIRS]
    assert {r.source: (r.seeds, r.over) for r in results} == {
        "renders": (1, "clips"),
        "autoencoder": (1, "clips"),
        "model": (2, "seeds"),
        "pose off": (2, "seeds"),
    }
    assert results[4].measures["flicker"].margin > 0
    assert [part.clips for part in results[4].prompts.values()] == [1, 1, 1]
    table = as_table(results)
    assert len(table.splitlines()) == 2 + len(DEFAULT_SOURCES)
    assert len({line.count("|") for line in table.splitlines()}) == 1
    document = as_document(results, {"model": "tiny"})
    assert all(case.prompt in document for case in cases)
    assert "over means of the seeds or, where there is one seed, clips." in document
    save_gallery(tmp_path / "sheet.png", pipeline, "model", cases, records)
    sheet = cv2.imread(str(tmp_path / "sheet.png"))
    title = 18
    assert sheet.shape[:2] == (len(cases) * (title + 2 * SIZE), 8 * SIZE), "each clip once"


def test_clips_of_one_prompt_are_measured_together(pipeline, cases) -> None:
    words = ["a knight", "a robot | a panda", "a knight"]
    given = [replace(case, prompt=prompt) for case, prompt in zip(cases[:3], words, strict=True)]
    records = Records(None, {})
    (result,) = evaluate(pipeline, KnowingJudges(given), given, sources=["model"], records=records)
    knight, robot = result.prompts.values()
    assert (result.clips, knight.clips, robot.clips) == (3, 2, 1)
    flicker = [record.measures["flicker"] for record in records if record.prompt == "a knight"]
    assert knight.measures["flicker"] == Estimate.of(flicker)
    assert robot.measures["flicker"].margin is None
    document = as_document([result], {})
    assert "| a knight | 2 | 1.000 |" in document
    assert r"| a robot \| a panda | 1 | 1.000 |" in document


def test_a_clip_without_background_is_no_calm_one(pipeline, cases, tmp_path: Path) -> None:
    path = tmp_path / "evaluation.jsonl"
    crowded = replace(cases[0], skeletons=np.full_like(cases[0].skeletons, 255))
    given = [crowded, *cases[1:3]]
    records = Records(path, {})
    (result,) = evaluate(pipeline, KnowingJudges(given), given, sources=["renders"], records=records)
    first, *others = Records(path, {})
    assert "flicker" not in first.measures
    assert result.measures["flicker"].mean == pytest.approx(np.mean([r.measures["flicker"] for r in others]))
    (alone,) = evaluate(pipeline, KnowingJudges([crowded]), [crowded], sources=["renders"])
    assert "flicker" not in alone.measures
    assert "flicker" not in as_table([alone])


def test_sources_that_lack_a_group_keep_the_others_in_place(pipeline, cases) -> None:
    given = [replace(cases[0], group="walk", frames=None), cases[1]]
    results = evaluate(pipeline, KnowingJudges(given), given, sources=["model"])
    results += evaluate(pipeline, KnowingJudges(given[1:]), given[1:], sources=["renders"])
    assert "| renders | – / 1.000 |" in as_table(results)


def test_an_interrupted_evaluation_goes_on_to_the_same_numbers(pipeline, cases, tmp_path: Path) -> None:
    path = tmp_path / "new" / "evaluation.jsonl"
    settings = {"model": "tiny", "frames": 2}

    def run(judges, path: Path | None):
        return evaluate(
            pipeline, judges, cases, sources=["model"], seeds=2, batch=2, records=Records(path, settings)
        )

    class Interrupted(KnowingJudges):
        def find_joints(self, *given):
            if self.asked == 5:
                raise KeyboardInterrupt
            return super().find_joints(*given)

    unbroken = run(KnowingJudges(cases), None)
    with pytest.raises(KeyboardInterrupt):
        run(Interrupted(cases), path)
    kept = path.read_text()
    path.write_text(kept + '{"source": "model", "gro')  # killed while it wrote
    measured = len(kept.splitlines()) - 1
    assert 0 < measured < 12
    continued = KnowingJudges(cases)
    continued.asked = measured
    assert run(continued, path) == unbroken
    assert continued.asked <= 12 + 1
    again = KnowingJudges(cases)
    assert run(again, path) == unbroken
    assert again.asked == 0


def test_records_of_other_settings_are_not_continued(tmp_path: Path) -> None:
    path = tmp_path / "evaluation.jsonl"
    Records(path, {"model": "a", "frames": 2})
    with pytest.raises(InputError, match="another frames;"):
        Records(path, {"model": "a", "frames": 3})
    path.write_text("something else")
    with pytest.raises(InputError, match="no evaluation"):
        Records(path, {})
    assert path.read_text() == "something else"


def test_sources_that_there_are_not_are_named(pipeline, cases) -> None:
    with pytest.raises(InputError, match="no source 'nothing'"):
        evaluate(pipeline, KnowingJudges(cases), cases, sources=["nothing"])


def test_sources_that_no_motion_of_a_file_has_are_reported(
    pipeline, cases, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(
        InputError, match=r"Only the procedural world's clips have renders; .* add the source model"
    ):
        evaluate(pipeline, KnowingJudges(cases), [replace(cases[0], frames=None)], sources=["renders"])
    command = ["evaluate", "--model", "mini", "--raw", "v.mp4", "--output", str(tmp_path / "out.json")]
    assert main([*command, "--sources", "renders", "autoencoder"]) == 2
    assert "renders and autoencoder" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


# --- the command line


@pytest.fixture(scope="module")
def judges_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Judges with random weights."""
    folder = tmp_path_factory.mktemp("judges")
    save_hrnet(folder / POSE_FILE, HRNet(POSE_BACKBONE), Build(POSE_BACKBONE, (64, 64)))
    new_classifier().save(folder / CLASSIFIER_FILE)
    return folder


def test_command_writes_numbers_table_and_pictures(
    tiny_model_dir: Path, judges_dir: Path, clip_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [
        "evaluate",
        "--model",
        tiny_model_dir,
        "--judges",
        judges_dir,
        "--clip",
        clip_dir,
        "--clips",
        2,
    ]
    command += [
        "--frames",
        2,
        "--seeds",
        2,
        "--sources",
        "renders",
        "model",
        "--output",
        tmp_path / "out.json",
    ]
    assert main(list(map(str, command))) == 0
    table = capsys.readouterr().out
    assert "CLIPScore" in table
    assert "± is half of a 95 % confidence interval" in table
    document = json.loads((tmp_path / "out.json").read_text())
    assert document["settings"]["frames"] == 2
    assert [(r["source"], r["group"], r["seeds"]) for r in document["results"]] == [
        ("renders", "seen", 1), ("renders", "held_out", 1), ("model", "seen", 2), ("model", "held_out", 2),
    ]  # fmt: skip
    assert table.strip() in (tmp_path / "out.md").read_text()
    assert (tmp_path / "out.png").is_file()
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 1 + 4 + 8
    assert main([*map(str, command), "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == document
    assert main([*map(str, command), "--steps", "1"]) == 2
    assert "another steps" in capsys.readouterr().err


def test_command_follows_keypoints_of_a_file(
    tiny_model_dir: Path, judges_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, _ = keypoint_file(tmp_path)
    command = ["evaluate", "--model", tiny_model_dir, "--judges", judges_dir, "--clips", 1, "--frames", 2]
    assert main(list(map(str, [*command, "--skeleton", path, "--prompt", "a robot", "--json"]))) == 0
    results = json.loads(capsys.readouterr().out.splitlines()[-1])["results"]
    assert [(result["source"], result["group"]) for result in results] == [
        ("model", "walk"),
        ("pose off", "walk"),
    ]
    assert "character" not in results[0]["measures"]
    assert main(list(map(str, [*command, "--skeleton", tmp_path / "nothing.json"]))) == 2
    assert "nothing.json" in capsys.readouterr().err


def test_a_wide_model_is_measured_at_its_size(
    judges_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    build_pipeline(default_height=32, default_width=48).save_pretrained(tmp_path / "wide")
    path, _ = keypoint_file(tmp_path)
    command = ["evaluate", "--model", tmp_path / "wide", "--judges", judges_dir, "--clips", 1, "--frames", 2]
    command = list(map(str, [*command, "--sources", "model", "--sheet", tmp_path / "sheet.png"]))
    assert main([*command, "--skeleton", str(path)]) == 0
    assert cv2.imread(str(tmp_path / "sheet.png")).shape[1] == 8 * 48
    capsys.readouterr()
    assert main([*command, "--people", "2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["settings"]["people"] == 2
    assert main([*command, "--height-share", "0.4,0.2"]) == 2
    assert "give the smaller number first" in capsys.readouterr().err


def test_motions_of_one_name_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = ["--raw", "a/dance.mp4", "--skeleton", "b/kick.mp4", "b/dance.json"]
    assert main(["evaluate", "--model", "mini", *files, "--output", str(tmp_path / "out.json")]) == 2
    assert "Two motions are called dance; rename one" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_folder_that_changed_is_another_evaluation(
    tiny_model_dir: Path, judges_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dance = tmp_path / "dance"
    dance.mkdir()
    openpose_folder(dance, 25, 7, canvas_width=128, canvas_height=96)
    command = ["evaluate", "--model", tiny_model_dir, "--judges", judges_dir, "--clips", 1, "--frames", 2]
    command += ["--skeleton", dance, "--stride", 1, "--output", tmp_path / "out.json"]
    # renders, which it has none of, are left out, in the sheet too
    command = list(map(str, [*command, "--sources", "pose off", "renders"]))
    assert main(command) == 0
    assert (tmp_path / "out.png").is_file()
    results = (tmp_path / "out.json").read_text()
    changed = next(dance.glob("*.json"))
    changed.write_text(changed.read_text().replace("0.8", "0.9"))
    assert main(command) == 2
    assert "another videos" in capsys.readouterr().err
    assert (tmp_path / "out.json").read_text() == results


@pytest.mark.slow
def test_the_papers_table_compares_methods_and_names_what_is_left_out(
    tiny_model_dir: Path, judges_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from benchmarks.paper_table import main as paper_table

    command = ["--model", tiny_model_dir, "--judges", judges_dir, "--clips", 1, "--frames", 2]
    command += ["--one-clip", tiny_model_dir, "--output", tmp_path / "table.json"]
    assert paper_table(list(map(str, command))) == 0
    table = capsys.readouterr().out
    assert "Left out: pose encoder and all else in one stage (needs --one-stage)" in table
    results = json.loads((tmp_path / "table.json").read_text())["results"]
    by_name = {result["source"]: result["measures"] for result in results if result["group"] == "seen"}
    assert next(iter(by_name)) == "full method"
    assert len(by_name) == 7
    flicker = {name: measures["flicker"]["mean"] for name, measures in by_name.items()}
    assert flicker["full method"] == flicker["tuned on one clip, as Tune-A-Video"]
    independent, shared = (value for name, value in flicker.items() if "frame by frame" in name)
    assert shared < independent
    assert (tmp_path / "table.png").is_file()
    assert (tmp_path / "table.md").is_file()


def test_judges_see_features_of_every_frame(judges_dir: Path, clip) -> None:
    judges = Judges.load(judges_dir)
    features = judges.features(clip.frames)
    assert len(features) == 4
    assert neighbour_similarity(features) <= 1 + 1e-6
    np.testing.assert_allclose(judges.features(clip.frames[1:2])[0], features[1], atol=1e-4)
