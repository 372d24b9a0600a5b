"""The endpoint that finds poses: it keeps them where the page does, and is refused before a video is opened."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import gradio as gr
import numpy as np
import pytest

from fyp_core.generation.engine import Engine
from fyp_core.generation.job import Job
from fyp_page.gallery import Gallery
from fyp_page.handlers.api import Api
from fyp_page.handlers.page import Page
from fyp_page.open_streams import OpenStreams
from fyp_serving.job_watch import LimitedJobWatch
from fyp_serving.limits import Limits
from pose_extraction.pose_cache import EstimatedPoses, PoseCache
from pose_extraction.poses import FramePoses


@pytest.fixture
def page(tmp_path: Path) -> Page:
    engine = Engine("mini", max_waiting=0)
    return Page(engine, str(tmp_path), Gallery(tmp_path / "gallery"), LimitedJobWatch(Limits(max_seconds=1)))


def extract(page: Page, video: Path) -> tuple[str, str]:
    api = Api(page, page.folder, OpenStreams())
    return asyncio.run(api.extract_pose(str(video), "mediapipe", "all"))


def test_poses_are_kept_in_the_cache_of_the_page(page: Page, make_video: Callable[..., Path]) -> None:
    video = make_video(frames=4)
    somebody = FramePoses(
        np.arange(34, dtype=np.float32).reshape(1, 17, 2), np.full((1, 17), 0.9, np.float32)
    )
    poses = EstimatedPoses([somebody] * 4, 48, 64, "mediapipe", "it was asked for")
    page.engine.pose_cache = PoseCache()
    page.engine.pose_cache.get(video, {"fps": None}, "mediapipe", None, lambda: poses)
    skeleton, keypoints = extract(page, video)
    assert Path(skeleton).stat().st_size > 0
    assert Path(keypoints).stat().st_size > 0


def test_it_is_refused_where_the_queue_is_full_or_the_video_too_long(
    page: Page, make_video: Callable[..., Path], tmp_path: Path
) -> None:
    with pytest.raises(gr.Error, match="lasts 2 s, but this page takes at most 1 s"):
        extract(page, make_video(frames=48))
    with page.engine.queue.entered(Job()), pytest.raises(gr.Error, match="others are waiting already"):
        extract(page, tmp_path / "missing.mp4")
