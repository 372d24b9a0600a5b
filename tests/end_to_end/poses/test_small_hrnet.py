"""The small HRNet that comes with the repository finds poses in rendered videos, also of who is no human."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fyp_core.synthetic import sample_clip
from fyp_media.read_video import probe, read_frames
from fyp_media.write_video import write_video
from pose_extraction.estimators.factory import choose_estimator
from pose_extraction.extract import extract_skeleton_video
from pose_extraction.keypoint_files.files import read_motion
from pose_extraction.motion.motion import body_size
from pose_extraction.skeleton import SCORE_THRESHOLD

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
WEIGHTS = ROOT / "checkpoints" / "judges" / "hrnet.safetensors"
EXAMPLE = ROOT / "pose_example" / "raw_man_cheering.mp4"


@pytest.mark.parametrize("character", ["woman", "panda", "robot"])
@pytest.mark.parametrize("size", [128, 256])
def test_rendered_people_are_found_where_they_are(tmp_path, character, size):
    clip = sample_clip(
        np.random.default_rng(5), 8, size, split="all", character=character, motion="cheer", style=""
    )
    write_video(tmp_path / "raw.mp4", clip.frames, 6)
    found = extract_skeleton_video(
        tmp_path / "raw.mp4", tmp_path / "s.mp4", estimator="hrnet", weights=str(WEIGHTS)
    )
    assert (found.estimator, found.people, found.person_share) == ("hrnet", 1, 1)
    in_sight = clip.scores[:, 0] > 0.5
    distance = np.linalg.norm(found.motion.keypoints[:, 0] - clip.keypoints[:, 0], axis=-1)
    correct = distance < 0.1 * body_size(clip.keypoints[:, 0])[:, None]
    assert correct[in_sight].mean() > 0.9, "percentage of correct keypoints"


def test_the_command_draws_what_mediapipe_draws(tmp_path):
    files = [
        "-o",
        "s.mp4",
        "--keypoints",
        "k.json",
        "--estimator",
        "hrnet",
        "--weights",
        WEIGHTS,
        "--fps",
        "12",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "pose_extraction", EXAMPLE, *files, "--json"],
        cwd=tmp_path, env={"PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}, capture_output=True, text=True,
        timeout=300, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    report = json.loads(done.stdout)
    assert (report["estimator"], report["person_share"], report["frames"]) == ("hrnet", 1, 36)
    assert probe(tmp_path / "s.mp4").frame_count == 36

    motion = read_motion(tmp_path / "k.json")
    theirs = list(choose_estimator("mediapipe")[0].estimate(read_frames(EXAMPLE, fps=12)))
    distance = np.linalg.norm(motion.keypoints[:, 0] - [poses.keypoints[0] for poses in theirs], axis=-1)
    sure = (motion.scores[:, 0] >= SCORE_THRESHOLD) & np.stack([poses.scores[0] > 0.5 for poses in theirs])
    assert sure.mean() > 0.8
    assert (distance / body_size(motion.keypoints[:, 0])[:, None])[sure].mean() < 0.05
