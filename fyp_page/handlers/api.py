"""What programs ask of the page; see docs/page.md for examples."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fyp_core.generation.job import JobCancelled
from fyp_core.generation.request import GenerationRequest
from fyp_media.errors import InputError
from fyp_page.gallery import new_owner
from fyp_page.handlers.page import Page, shown_error
from fyp_page.handlers.prompts import suggestions
from fyp_page.handlers.requests import CROPS, LORA_TEXT_WIDTH, loras_of
from pose_extraction.extract import extract_skeleton_video

_POLL_SECONDS = 0.1
_NOT_FIELDS = ("video", "job", "loras", "lora_weights", *CROPS)


class Api:
    """The endpoints of a page; errors are one sentence each."""

    def __init__(self, page: Page, folder: str) -> None:
        self._page = page
        self._folder = folder

    async def generate(self, **values: Any) -> tuple[str, str, dict[str, Any]]:
        """Make a video: its file, the skeleton's, and the settings that made it."""
        files = [values["video"], *(values["loras"] or [])]
        try:
            request = api_request(values)
            request.check()
            run = self._page.runs.start([request], new_owner(), values["job"])
            while run.is_running:
                run.job.ask()
                await asyncio.sleep(_POLL_SECONDS)
            if run.state == "failed":
                raise InputError(run.message)
            if run.state == "stopped":
                raise JobCancelled("The job was cancelled.")
        except (InputError, JobCancelled) as error:
            raise shown_error(error, files) from error
        result = run.results[0]
        return str(result.files["result"]), str(result.files["skeleton"]), result.settings

    def extract_pose(self, video: str | None, estimator: str, people: str) -> tuple[str, str]:
        """Find the people of a video: the skeleton video and the keypoints, JSON in COCO order."""
        folder = Path(tempfile.mkdtemp(dir=self._folder))
        skeleton, keypoints = folder / "skeleton.mp4", folder / "keypoints.json"
        try:
            if not video:
                raise InputError("There is no video; upload one.")
            with self._page.turn_to_extract(video):
                extract_skeleton_video(
                    video, skeleton, keypoints=keypoints, estimator=estimator, people=people
                )
        except InputError as error:
            raise shown_error(error, [video]) from error
        return str(skeleton), str(keypoints)

    def models(self) -> dict[str, Any]:
        """The model that is loaded, and what it usually makes."""
        try:
            source = self._page.engine.load()
        except InputError as error:
            raise shown_error(error, []) from error
        pipeline = self._page.engine.pipeline
        config = pipeline.config
        return {
            "model": source.name,
            "width": config.default_width,
            "height": config.default_height,
            "steps": config.default_num_inference_steps,
            "guidance": config.default_guidance_scale,
            "takes_loras": pipeline.unet.config.cross_attention_dim == LORA_TEXT_WIDTH,
            "suggestions": suggestions(pipeline),
        }

    def status(self, job: str) -> dict[str, Any]:
        """Where a job stands, by the name it was given; ``unknown`` where there is none."""
        run = self._page.runs.get(job)
        if run is None:
            return {"state": "unknown"}
        progress = run.job.progress
        known: dict[str, Any] = {"state": run.state, "message": run.message, "place": run.job.place}
        if progress is not None and run.is_running:
            known |= {
                "phase": progress.phase,
                "step": progress.step,
                "total": progress.total,
                "seconds_left": progress.seconds_left,
            }
        return known

    def cancel(self, job: str) -> bool:
        """Stop a job within one step; whether there was one that ran."""
        return self._page.runs.cancel(job)


def api_request(values: Mapping[str, Any]) -> GenerationRequest:
    """A request out of an endpoint's arguments.

    Raises:
        InputError: there is no video.
    """
    if not values["video"]:
        raise InputError("There is no input video; upload one.")
    weights = {f"weight_{number}": weight for number, weight in enumerate(values["lora_weights"] or [], 1)}
    fields = {name: value for name, value in values.items() if name not in _NOT_FIELDS and value is not None}
    crop = [values[side] or 0 for side in CROPS]
    loras = loras_of({"loras": values["loras"], **weights})
    return GenerationRequest(
        input=values["video"], crop=(crop[0], crop[1], crop[2], crop[3]), loras=loras, **fields
    )
