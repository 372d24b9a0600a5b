"""Guides of videos: whole people, wherever they are in the picture, and notices."""

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fyp_core.generation.guide import fine_skeletons, make_guide
from fyp_core.generation.job import Job, JobCancelled
from fyp_core.generation.pose.framing import window_preview
from fyp_core.generation.request import GenerationRequest
from fyp_core.synthetic import WorldClip, sample_clip
from fyp_media.errors import InputError
from fyp_media.fit import fit_frames
from fyp_media.read_video import sample_frames
from fyp_media.write_video import write_video
from pose_extraction.keypoint_files import write_motion
from pose_extraction.motion.motion import Motion
from pose_extraction.skeleton import draw_skeleton
from tests.unit.generation.waving import FRAMES, MODEL, make, waving_clip

SIDE = 256


@pytest.fixture(scope="module")
def clip() -> WorldClip:
    return waving_clip(SIDE)


def placed(frames: np.ndarray, height: int, width: int, left: int, top: int, gray: int = 90) -> np.ndarray:
    """Frames in a larger picture."""
    picture = np.full((len(frames), height, width, 3), gray, np.uint8)
    picture[:, top : top + frames.shape[1], left : left + frames.shape[2]] = frames
    return picture


def figure_box(skeleton: np.ndarray) -> tuple[int, int, int, int]:
    """Left, right, top and bottom of the lines."""
    lit = skeleton.max(axis=-1) > 60
    rows, columns = np.flatnonzero(lit.any(1)), np.flatnonzero(lit.any(0))
    return columns[0], columns[-1], rows[0], rows[-1]


@pytest.mark.parametrize(
    ("height", "width", "left", "top"), [(512, 288, 16, 200), (288, 640, 0, 16), (288, 640, 370, 16)]
)
def test_one_person_anywhere_is_shown_whole(
    clip: WorldClip, tmp_path: Path, height: int, width: int, left: int, top: int
) -> None:
    write_video(tmp_path / "v.mp4", placed(clip.frames, height, width, left, top), 12)
    guide = make(tmp_path / "v.mp4")
    assert guide.skeletons.shape == (FRAMES, 128, 128, 3)
    assert guide.estimator is not None
    assert len(set(guide.windows)) == 1
    for skeleton in guide.skeletons:
        start, end, head, feet = figure_box(skeleton)
        assert start > 2 and end < 125 and head > 2 and feet < 125
        assert feet - head > 60
    truth = guide.windows[0].map_points(np.add(clip.keypoints[:, 0], (left, top)))
    visible = clip.scores[:, 0] > 0.5
    assert ((truth > 0) & (truth < 127)).all(-1)[visible].mean() > 0.97


def test_the_middle_hides_a_person_at_the_side_and_a_notice_says_so(clip: WorldClip, tmp_path: Path) -> None:
    write_video(tmp_path / "v.mp4", placed(clip.frames, 288, 640, 0, 16), 12)
    guide = make(tmp_path / "v.mp4", fit="cover")
    assert any("of the joints lie outside" in notice and "--fit people" in notice for notice in guide.notices)
    assert make(tmp_path / "v.mp4", fit="contain").notices == []


def test_the_result_can_have_the_sources_proportions(clip: WorldClip, tmp_path: Path) -> None:
    write_video(tmp_path / "v.mp4", placed(clip.frames, 512, 288, 16, 200), 12)
    request = GenerationRequest(
        input=tmp_path / "v.mp4", prompt="a robot", frames=FRAMES, stride=1, aspect="source"
    )
    guide = make_guide(request, MODEL)
    assert guide.skeletons.shape[1:3] == (168, 96)
    assert next(fine_skeletons(request, guide)).shape[:2] == (504, 288)


def test_frames_without_anybody_are_named_by_their_numbers(clip: WorldClip, tmp_path: Path) -> None:
    empty = np.full((16, SIDE, SIDE, 3), 90, np.uint8)
    write_video(tmp_path / "v.mp4", [*clip.frames, *empty, *clip.frames], 2)
    guide = make(tmp_path / "v.mp4", frames=12, stride=2)
    notices = [notice for notice in guide.notices if "Nobody is seen in frames 4-18" in notice]
    assert notices, guide.notices
    assert not guide.skeletons[4].any()


def skeleton_video(path: Path, clip: WorldClip, height: int, width: int, left: int, top: int) -> np.ndarray:
    joints = np.add(clip.keypoints[:, 0], (left, top))
    drawn = np.stack([draw_skeleton(each, None, height, width) for each in joints])
    write_video(path, drawn, 12)
    return drawn


def test_a_skeleton_video_whose_middle_shows_all_is_cropped_as_ever(clip: WorldClip, tmp_path: Path) -> None:
    skeleton_video(tmp_path / "v.mp4", clip, 288, 512, 128, 16)
    guide = make(tmp_path / "v.mp4", input_type="skeleton")
    assert np.array_equal(guide.skeletons, fit_frames(sample_frames(tmp_path / "v.mp4", FRAMES), 128, 128))
    assert guide.notices == []


@pytest.mark.parametrize("kind", ["skeleton", "keypoints"])
def test_memory_does_not_grow_with_the_video(kind: str, tmp_path: Path) -> None:
    walk = sample_clip(np.random.default_rng(0), 60, 128, motion="wave", stride=1)
    path = tmp_path / {"skeleton": "v.mp4", "keypoints": "k.json"}[kind]
    if kind == "skeleton":
        write_video(path, walk.skeletons(), 24)
    else:
        write_motion(Motion(walk.keypoints, walk.scores, 128, 128, 24), path)

    def peak(frames: int) -> int:
        tracemalloc.start()
        guide = make(path, input_type=kind, frames=frames)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert guide.skeletons.shape == (frames, 128, 128, 3)
        return most

    peak(1)  # with all that is imported on first use
    a_frame = 128 * 128 * 3
    assert peak(60) - peak(10) < 8 * a_frame


def test_a_skeleton_at_the_side_is_shown_whole(clip: WorldClip, tmp_path: Path) -> None:
    skeleton_video(tmp_path / "v.mp4", clip, 288, 640, 0, 16)
    guide = make(tmp_path / "v.mp4", input_type="skeleton")
    start, end, head, feet = figure_box(np.asarray(guide.skeletons).max(axis=0))
    assert start > 2 and end < 125 and head > 2 and feet < 125
    cut = make(tmp_path / "v.mp4", input_type="skeleton", fit="cover")
    assert any("of the lines lie outside" in notice for notice in cut.notices)


def test_a_window_follows_somebody_who_crosses_the_picture(tmp_path: Path) -> None:
    walk = sample_clip(np.random.default_rng(0), 24, 128, motion="wave", stride=1, height_share=(0.7, 0.9))
    crossing = walk.keypoints[:, 0] + np.linspace(0, 600, 24)[:, None, None] * (1, 0)
    write_video(tmp_path / "v.mp4", [draw_skeleton(each, None, 128, 728) for each in crossing], 24)
    steady = make(tmp_path / "v.mp4", input_type="skeleton", frames=24)
    guide = make(tmp_path / "v.mp4", input_type="skeleton", frames=24, follow=True)
    assert len(set(steady.windows)) == 1
    heights = [np.subtract(*figure_box(skeleton)[3:1:-1]) for skeleton in guide.skeletons]
    assert min(heights) > 2 * np.subtract(*figure_box(steady.skeletons[0])[3:1:-1])


def test_cancelling_stops_the_reading_at_the_next_frame(make_video: Callable[..., Path]) -> None:
    job = Job()
    job.cancel()
    with pytest.raises(JobCancelled):
        make_guide(
            GenerationRequest(input=make_video(), prompt="a robot", input_type="skeleton", frames=3),
            MODEL,
            job,
        )


def test_an_unknown_fit_is_reported(make_video: Callable[..., Path]) -> None:
    with pytest.raises(InputError, match="fit must be one of people, contain, cover, not 'stretch'"):
        make(make_video(), fit="stretch")


def test_the_preview_shows_the_window_also_beyond_the_picture(clip: WorldClip, tmp_path: Path) -> None:
    write_video(tmp_path / "v.mp4", placed(clip.frames, 512, 288, 16, 200), 12)
    window = make(tmp_path / "v.mp4").windows[0]
    picture = np.full((512, 288, 3), 100, np.uint8)
    shown = window_preview(picture, window)
    assert shown.shape[1] >= window.width - 1
    values, counts = np.unique(shown[..., 0], return_counts=True)
    assert {0, 35, 100} <= set(values[counts > 500])
