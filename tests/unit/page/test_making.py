"""What is made of a run: all files of a result in the gallery, in memory that does not grow with the video."""

import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fyp_core.generation.engine import Engine, GenerationReport
from fyp_core.generation.guide import Guide
from fyp_core.generation.job import FinishedFrames, Job
from fyp_core.generation.request import GenerationRequest
from fyp_media.errors import InputError
from fyp_media.read_video import probe
from fyp_page.gallery import Gallery
from fyp_page.handlers.making import Maker
from fyp_page.handlers.pose import Poses
from fyp_page.runs import Run

CHUNK, SIDE = 8, 256


class NoiseEngine(Engine):
    """Sends frames of noise, as an engine does whose model is elsewhere."""

    def stream(
        self, request: GenerationRequest, guide: Guide, job: Job, take: Callable[[FinishedFrames], object]
    ) -> GenerationReport:
        if request.prompt == "a failure":
            raise InputError(f"{request.input} cannot be followed.")
        noise = np.random.default_rng(0)
        for first in range(0, request.frames, CHUNK):
            take(FinishedFrames(first, noise.integers(0, 256, (CHUNK, SIDE, SIDE, 3), np.uint8)))
        size = request.frames, SIDE, SIDE
        report: dict[str, Any] = {
            "input_hash": "",
            "estimator": None,
            "seconds": {"denoise": 1.0},
            "memory": {},
        }
        return GenerationReport(
            request=request,
            size=size,
            fps=guide.fps,
            model={"model": "noise"},
            notices=["All noise."],
            **report,
        )


@pytest.fixture
def gallery(tmp_path: Path) -> Gallery:
    return Gallery(tmp_path / "gallery")


@pytest.fixture
def maker(tiny_model_dir: Path, gallery: Gallery, tmp_path: Path) -> Maker:
    engine = NoiseEngine(str(tiny_model_dir))
    return Maker(engine, Poses(engine), gallery, str(tmp_path))


def asked(video: Path, **changes: Any) -> GenerationRequest:
    return GenerationRequest(input=video, prompt="a robot", input_type="skeleton", stride=1, **changes)


def test_files_and_notices_of_a_result_are_kept(
    maker: Maker, gallery: Gallery, make_video: Callable[..., Path]
) -> None:
    run = Run([asked(make_video(), frames=CHUNK)], "owner")
    maker(run)
    (result,), (entry,) = run.results, gallery.entries("owner")
    assert result.files == entry.files
    assert set(entry.files) == {"result", "skeleton", "comparison", "gif", "frames"}
    assert probe(entry.files["result"]).frame_count == CHUNK
    assert entry.settings["notices"] == result.notices == ["All noise."]
    assert result.phases == {"denoise": 1.0}


@pytest.mark.slow
def test_memory_does_not_grow_with_the_video(maker: Maker, make_video: Callable[..., Path]) -> None:
    video = make_video(frames=5 * CHUNK)

    def peak(frames: int) -> int:
        tracemalloc.start()
        maker(Run([asked(video, frames=frames)], "owner"))
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(1)  # with all that is imported on first use
    long = min(peak(5 * CHUNK) for _ in range(4))  # some may count what another thread allocates
    assert long < 1.3 * peak(2 * CHUNK)


def test_where_an_upload_lies_is_not_said(maker: Maker, make_video: Callable[..., Path]) -> None:
    with pytest.raises(InputError, match=r"^square\.mp4 cannot be followed"):
        maker(Run([asked(make_video(), frames=2).changed(prompt="a failure")], "owner"))


def test_keypoints_have_no_source_to_show(maker: Maker, gallery: Gallery, tmp_path: Path) -> None:
    joints = [value for joint in range(17) for value in (100 + 9 * joint, 80 + 20 * (joint % 5), 1)]
    file = tmp_path / "keypoints.json"
    file.write_text(json.dumps([{"image_id": frame, "keypoints": joints} for frame in range(CHUNK)]))
    run = Run([GenerationRequest(input=str(file), prompt="noise", frames=CHUNK, stride=1)], "anna")
    maker(run)
    assert len(run.results) == 1, run.message
    assert "source" not in run.results[0].files
    assert {"result", "skeleton", "comparison", "keypoints"} <= run.results[0].files.keys()
