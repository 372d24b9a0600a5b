"""The endpoints of the page for programs; see docs/page.md for examples."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from anyio.to_thread import run_sync as in_thread

from fyp_core.generation.job import Job, JobCancelled
from fyp_core.generation.request import GenerationRequest
from fyp_core.weights.sources import list_bases
from fyp_media.errors import InputError
from fyp_page.gallery import new_owner
from fyp_page.handlers.page import Page, shown_error
from fyp_page.handlers.prompts import suggestions
from fyp_page.handlers.requests import (
    CROPS,
    LORA_TEXT_WIDTH,
    additions_of,
    check_body_in_words,
    loras_of,
    reference_of,
    uploads_of,
)
from fyp_page.job_watch import current_listeners, current_visitor
from fyp_page.open_streams import OpenStreams
from fyp_page.runs import Run
from pose_extraction.extract import extract_skeleton_video

_POLL_SECONDS = 0.1
_DISCONNECTED_AFTER = 2.0  # seconds without an open stream; until then a program may open another one
_LEAST_NAME, _MOST_NAME = 16, 200  # characters of a job's name
_NOT_FIELDS = (
    "video", "job", "loras", "lora_weights", "embeddings", "base", "reference_picture", "ip_adapter", "ip_adapter_file",
    *CROPS,
)  # fmt: skip


class Api:
    """The endpoints of a page; errors are one sentence each."""

    def __init__(self, page: Page, folder: str, streams: OpenStreams) -> None:
        self._page = page
        self._folder = folder
        self._streams = streams

    async def generate(self, **values: Any) -> tuple[str, str, dict[str, Any]]:
        """Make a video: its file, the skeleton's, and the settings that made it.

        A program that stops listening stops its job.

        Raises:
            gr.Error: a value cannot work, or the job failed or was cancelled.
        """
        files = uploads_of(values)
        try:
            # In a thread: the header of a video is read, and meanwhile the page answers others.
            run = await in_thread(self._start, values)
            await self._wait(run.job, lambda: run.is_running)
            if run.state == "failed":
                raise InputError(run.message)
            if run.state == "stopped":
                raise JobCancelled("The job was cancelled.")
        except (InputError, JobCancelled) as error:
            raise shown_error(error, files) from error
        result = run.results[0]
        return str(result.files["result"]), str(result.files["skeleton"]), result.settings

    def _start(self, values: Mapping[str, Any]) -> Run:
        name = values["job"] or None
        if name is not None and not _LEAST_NAME <= len(name) <= _MOST_NAME:
            raise InputError(
                f"The name of the job has {len(name)} characters; take {_LEAST_NAME} to {_MOST_NAME} that nobody can"
                " guess, because who knows it can stop the job."
            )
        request = api_request(values)
        request.check()
        return self._page.runs.start([request], new_owner(), name)

    async def _wait(self, job: Job, is_running: Callable[[], bool]) -> None:
        """Wait for the end of a job while somebody listens, or asks for its status."""
        listeners = current_listeners()
        last_listened: float | None = None
        try:
            while is_running():
                if self._streams.is_open(*listeners):
                    job.ask()
                    last_listened = time.monotonic()
                elif last_listened is not None and time.monotonic() - last_listened > _DISCONNECTED_AFTER:
                    job.cancel()
                await asyncio.sleep(_POLL_SECONDS)
        finally:
            job.cancel()  # no effect on a job that has ended; Gradio cancels this wait on request of a program

    async def extract_pose(self, video: str | None, estimator: str, people: str) -> tuple[str, str]:
        """Find the people of a video: the skeleton video and the keypoints, JSON in COCO order.

        A program that stops listening stops the work.

        Raises:
            gr.Error: there is no video, or nobody was found in it.
        """
        job = Job(owner=current_visitor(), deadline=self._page.runs.watch.max_job_seconds)
        try:
            if not video:
                raise InputError("There is no video; upload one.")
            work = asyncio.ensure_future(in_thread(self._extract, job, video, estimator, people))
            await self._wait(job, lambda: not work.done())
            return await work
        except (InputError, JobCancelled) as error:
            raise shown_error(error, [video]) from error

    def _extract(self, job: Job, video: str, estimator: str, people: str) -> tuple[str, str]:
        engine = self._page.engine
        queue = engine.queue
        with queue.entered(job):  # before the video is opened, which takes a process
            self._page.runs.watch.check_video(video)
            folder = Path(tempfile.mkdtemp(dir=self._folder))  # swept by age
            skeleton, keypoints = folder / "skeleton.mp4", folder / "keypoints.json"
            with queue.turn(job):
                extract_skeleton_video(
                    video,
                    skeleton,
                    keypoints=keypoints,
                    estimator=estimator,
                    people=people,
                    progress=lambda _done, _total: job.check(),
                    cache=engine.pose_cache,
                )
        return str(skeleton), str(keypoints)

    def models(self) -> dict[str, Any]:
        """The loaded model and its defaults."""
        try:
            facts = self._page.engine.facts()
        except InputError as error:
            raise shown_error(error, []) from error
        return {
            "model": facts.name,
            "width": facts.size.width,
            "height": facts.size.height,
            "steps": facts.steps,
            "guidance": facts.guidance,
            "takes_loras": facts.text_width == LORA_TEXT_WIDTH,
            "takes_reference_pictures": facts.text_width == LORA_TEXT_WIDTH,
            "bases": list(list_bases()),
            "suggestions": suggestions(self._page.engine),
        }

    def status(self, job: str) -> dict[str, Any]:
        """State and progress of a job, by its name; ``unknown`` where there is none."""
        run = self._page.runs.get(job)
        if run is None:
            return {"state": "unknown"}
        run.job.ask()
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
    check_body_in_words(values["retarget"])
    listed = values["lora_weights"] or []
    if not isinstance(listed, list) or any(not isinstance(weight, int | float) for weight in listed):
        raise InputError("The weights of the LoRAs are no list of numbers; give a number for each file.")
    weights = {f"weight_{number}": weight for number, weight in enumerate(listed, 1)}
    fields = {name: value for name, value in values.items() if name not in _NOT_FIELDS and value is not None}
    crop = [values[side] or 0 for side in CROPS]
    loras = loras_of({"loras": values["loras"], **weights})
    return GenerationRequest(
        input=values["video"],
        crop=(crop[0], crop[1], crop[2], crop[3]),
        loras=loras,
        additions=additions_of(values),
        **reference_of(values),
        **fields,
    )
