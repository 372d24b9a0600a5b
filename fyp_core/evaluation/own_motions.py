"""Cases with the motions of users' own videos: keypoints are known, ground-truth videos are not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np

from fyp_core.evaluation.cases import Case, choose_pairs
from fyp_core.evaluation.scoring.skeleton_reading import read_skeletons
from fyp_core.synthetic import caption
from fyp_media.errors import InputError
from fyp_media.fit import cover, fit_frames
from fyp_media.read_video import open_video
from pose_extraction.estimators.factory import AUTO
from pose_extraction.extract import find_people
from pose_extraction.keypoint_files.files import is_motion, read_motion
from pose_extraction.motion.motion import Motion
from pose_extraction.motion.tracking import LARGEST, choose
from pose_extraction.skeleton import SCORE_THRESHOLD, draw_skeleton
from pose_extraction.skeleton_style import in_our_style

MotionType = Literal["raw", "skeleton"]
_MOTION = "freestyle"  # the motion that captions name


@dataclass(frozen=True)
class _Guide:
    """Every stride-th frame, of the requested size: skeletons (F, H, W, 3) uint8 RGB and one person's joints.

    keypoints: (F, 17, 2) pixels.
    scores: (F, 17).
    """

    skeletons: np.ndarray
    keypoints: np.ndarray
    scores: np.ndarray


def motion_cases(
    path: Path,
    input_type: MotionType,
    prompts: Sequence[str],
    clips: int,
    frames: int,
    size: tuple[int, int],
    *,
    stride: int = 5,
    seed: int = 0,
    estimator: str = AUTO,
) -> list[Case]:
    """Clips that begin at places spread evenly over a video.

    Args:
        path: a video of a person ("raw"), a skeleton video, or a keypoint file of :mod:`pose_extraction`.
        prompts: taken in turn; without any, seen pairs of the procedural world, so that character and scene can
            be judged.
        clips: at most; fewer where the video is too short for as many different ones.
        frames: of each clip, every ``stride``-th of the video.
        size: height and width of the pictures in pixels.
        estimator: finds the person in a raw video.

    Raises:
        InputError: the file cannot be read, is too short, or shows no person.
    """
    guide = _read(path, input_type, stride, estimator, size)
    count = len(guide.skeletons)
    if count < frames:
        raise InputError(
            f"{path.name} has {count} frames when every {stride}. is taken, fewer than the {frames} of a clip;"
            " take a smaller stride or fewer frames."
        )
    skeletons, keypoints = guide.skeletons, guide.keypoints
    height, width = size
    inside = ((keypoints >= 0) & (keypoints <= [width - 1, height - 1])).all(-1)
    visible = inside & (guide.scores >= SCORE_THRESHOLD)
    starts = np.unique(np.linspace(0, count - frames, clips).round().astype(int))  # a short video has fewer
    cases = []
    for index, (start, words) in enumerate(zip(starts, _words(prompts, len(starts), seed))):
        part = slice(start, start + frames)
        if not visible[part].any():
            raise InputError(f"Nobody is in the picture in a part of {path.name}; choose another video.")
        prompt, characters, scene = words
        joints = np.nan_to_num(keypoints[part])[:, None]
        shown = visible[part][:, None]
        cases.append(Case(path.stem, index, prompt, skeletons[part], joints, shown, characters, scene))
    return cases


def check_names(paths: Sequence[Path]) -> None:
    """Raise InputError where two motions have the same name, which identifies their clips."""
    names = [path.stem for path in paths]
    if double := [name for name in names if names.count(name) > 1]:
        raise InputError(
            f"Two motions are called {double[0]}; rename one, so that their clips can be distinguished."
        )


def _words(prompts: Sequence[str], clips: int, seed: int) -> list[tuple[str, tuple[str, ...], str]]:
    """Prompt, characters and scene of each clip; the latter two empty for people's own prompts."""
    if prompts:
        return [(prompts[index % len(prompts)], (), "") for index in range(clips)]
    rng = np.random.default_rng((seed, 2))
    pairs = [((character,), scene) for character, scene in choose_pairs("seen", clips, seed)]
    return [(caption(rng, *pair, _MOTION, ""), *pair) for pair in pairs]


def _read(path: Path, input_type: MotionType, stride: int, estimator: str, size: tuple[int, int]) -> _Guide:
    """Skeletons and joints in the middle of the picture, as the pipeline shows it."""
    if is_motion(path):
        motion = choose(read_motion(path), LARGEST)
        part = replace(motion, keypoints=motion.keypoints[::stride], scores=motion.scores[::stride])
        return _drawn(part, size)
    with open_video(path) as video:
        frames = islice(video.frames(), 0, None, stride)
        if input_type == "raw":
            fps, count = max(1.0, video.info.fps / stride), -(-video.info.frame_count // stride)
            return _drawn(find_people(frames, count, estimator, fps=fps).followed(LARGEST), size)
        skeletons, _ = in_our_style(np.stack(list(frames)))
    keypoints, scores = read_skeletons(skeletons)
    window = cover(skeletons.shape[1:3], size)
    return _Guide(fit_frames(skeletons, *size), window.map_points(keypoints), scores)


def _drawn(motion: Motion, size: tuple[int, int]) -> _Guide:
    keypoints = cover((motion.height, motion.width), size).map_points(motion.keypoints)
    skeletons = [draw_skeleton(people, scores, *size) for people, scores in zip(keypoints, motion.scores)]
    return _Guide(np.stack(skeletons), keypoints[:, 0], motion.scores[:, 0])
