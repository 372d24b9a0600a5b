"""What the page says of an upload, the weights it keeps for LoRAs, and which jobs it stops."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest

from fyp_core.generation.guide import Guide
from fyp_core.generation.job import Job
from fyp_media.fit import cover
from fyp_page.handlers import MOST_LORAS, Page, Slider, describe, fit_weights
from pose_extraction.motion.motion import Motion


@pytest.mark.parametrize(
    ("frames", "stride", "start", "sentence"),
    [
        (8, 5, 0, "At stride 5, up to 8 frames fit; 8 frames fit up to stride 5."),
        (8, 6, 0, "⚠ At stride 6, up to 7 frames fit; 8 frames fit up to stride 5."),
        (2, 30, 10, "⚠ At stride 30, only one frame fits; 2 frames fit up to stride 29."),
        (64, 1, 0, "⚠ Too short for 64 frames; take at most 40, at stride 1."),
        (1, 60, 39, "One frame fits, at any stride."),
        (1, 1, 40, "⚠ Start at frame 39 or earlier."),
    ],
)
def test_what_fits_into_a_video(
    frames: int, stride: int, start: int, sentence: str, make_video: Callable[..., Path]
) -> None:
    told = describe(str(make_video(frames=40)), frames, stride, start)
    assert told == f"40 frames at 24 a second, 64×48. {sentence}"


def test_a_file_that_is_no_video_is_told(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("This is no video.")
    assert describe(str(tmp_path / "text.mp4"), 8, 5, 0).startswith("⚠ text.mp4 is not a video")
    assert describe(None, 8, 5, 0) == ""


def test_a_number_may_be_empty_while_another_is_typed(
    make_video: Callable[..., Path], tmp_path: Path
) -> None:
    assert Slider(1, 64, 8).preprocess(None) is None
    assert describe(str(make_video(frames=40)), None, 5, 0) == ""
    empty = [None, 5, 0, 0, 0, 0, 0, 0, 0, None]
    job = Page(None, str(tmp_path)).generate(
        None, "v.mp4", None, None, *empty, "exact", "", "auto", "auto", 0, 0
    )
    with pytest.raises(gr.Error, match="Frames is empty; give a whole number"):
        next(job)


def test_a_lora_keeps_its_weight_when_others_come_and_go() -> None:
    names, *sliders = fit_weights(["/a/ink.safetensors", "/b/noir.safetensors"], [], 1, 1, 1, 1)
    assert names == ["ink", "noir"]
    assert [(slider.visible, slider.value) for slider in sliders] == [(True, 1)] * 2 + [(False, 1)] * 2
    names, *sliders = fit_weights(["/b/noir.safetensors", "/c/new.safetensors"], names, 0.5, 0.8, 1, 1)
    assert [(slider.label, slider.value) for slider in sliders[:2]] == [
        ("Weight of noir", 0.8),
        ("Weight of new", 1),
    ]
    names, *sliders = fit_weights(None, names, 0.8, 1, 1, 1)
    assert (names, len(sliders), any(slider.visible for slider in sliders)) == ([], MOST_LORAS, False)


class UnhurriedEngine:
    """Makes nothing but skeletons, until its job is cancelled."""

    def prepare(self, request: object, job: Job) -> Guide:
        nobody = Motion(np.full((2, 1, 17, 2), np.nan), np.zeros((2, 1, 17)), 32, 32, 5)
        windows = [cover((32, 32), (32, 32))] * 2
        return Guide(np.zeros((2, 32, 32, 3), np.uint8), windows, (32, 32), 5, "", {}, motion=nobody)

    def render(self, request: object, guide: object, job: Job) -> None:
        job.report("denoise", 0, 1)
        pytest.fail("the job was not cancelled")


def test_stop_reaches_a_job_begun_while_the_stopped_one_still_ended(tmp_path: Path) -> None:
    page, session = Page(UnhurriedEngine(), str(tmp_path)), SimpleNamespace(session_hash="a")
    numbers = [8, 5, 0, 0, 0, 0, 0, 0, 0, None]
    words = ["fast", "", "auto", "auto", None, None]

    def generate():
        job = page.generate(
            session, "v.mp4", "Raw Video", "a robot", *numbers, *words, show=lambda *_, **__: None
        )
        next(job)
        return job

    stopped = generate()
    page.stop(session)
    following = generate()
    assert list(stopped)[-1][2] == "Stopped."
    page.stop(session)
    assert list(following)[-1][2] == "Stopped."
