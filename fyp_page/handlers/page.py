"""The handlers of the page's events."""

from __future__ import annotations

import asyncio
import html
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from fyp_core.generation.engine import Engine
from fyp_core.generation.guide import Guide
from fyp_core.generation.job import Job
from fyp_core.generation.metadata import read_settings
from fyp_core.generation.request import GenerationRequest
from fyp_core.generation.rerun import pick
from fyp_media.errors import InputError
from fyp_media.read_video import probe
from fyp_page.examples import examples
from fyp_page.gallery import Gallery, new_owner
from fyp_page.handlers import views
from fyp_page.handlers.live import LiveSessions
from fyp_page.handlers.making import Maker, as_result
from fyp_page.handlers.motion import default_length, part_of
from fyp_page.handlers.pose import Poses, describe_pose, person_at, preview
from fyp_page.handlers.prompts import suggestions
from fyp_page.handlers.requests import (
    LORA_TEXT_WIDTH,
    OF_THE_MOTION,
    controls_for,
    make_requests,
    pose_request,
    upload_names,
    uploads_of,
)
from fyp_page.job_watch import JobWatch
from fyp_page.runs import Result, Run, Runs

_POLL_SECONDS = 0.25
_SHOWN_IN_GALLERY = 60

_STATE = ("owner", "run", "ended")
_LONGEST_ID = 64  # characters

Browser = dict[str, str]
"""State that a browser stores: ``owner`` of its results, the last ``run`` it started, the last run it saw ``ended``."""


class Page:
    """The page's handlers. Files lie below ``folder`` until a result is complete, then in the gallery."""

    def __init__(self, engine: Engine, folder: str, gallery: Gallery, watch: JobWatch | None = None) -> None:
        self.engine = engine
        self.folder = folder
        self.gallery = gallery
        self.poses = Poses(engine)
        self.runs = Runs(Maker(engine, self.poses, gallery, folder), watch)
        self.live = LiveSessions(engine, None if watch is None else watch.max_live_seconds)

    # --- a run

    def begin(self, browser: Browser | None, **values: Any) -> Browser:
        """Start a run with the values of the controls; returns the state for the browser to store.

        Raises:
            gr.Error: a value cannot work, or the last run has not ended.
        """
        visitor = known_browser(browser)
        before = self.runs.get(visitor["run"])
        try:
            if before is not None and before.is_running:
                raise InputError("Your last video is still being made; wait for it or stop it.")
            run = self.runs.start(make_requests(values), visitor["owner"])
        except InputError as error:
            raise shown_error(error, uploads_of(values)) from error
        return visitor | {"run": run.id}

    def begin_with_new_seed(self, browser: Browser | None, result: Result | None, **values: Any) -> Browser:
        """:meth:`begin` with the settings of the result shown and another seed, on the motion of the controls."""
        shown = {name: value for name, value in settings_of(result).items() if name not in OF_THE_MOTION}
        return self.begin(browser, **values | shown | {"seed": None})

    async def follow(self, browser: Browser | None) -> AsyncIterator[tuple[Any, ...]]:
        """Show the progress of a run: status, screen, result, gallery, Generate, Stop, actions, the browser's state."""
        visitor = known_browser(browser)
        run = self.runs.get(visitor["run"])
        follower = None if run is None else run.add_follower()
        seen = shown = -1
        while run is not None:
            if not run.has_follower(follower):  # each takes one of the places that all visitors share
                return
            run.job.ask()
            # Counted before they are shown: while a view is sent, another result may come.
            is_running, version, results = run.is_running, run.version, len(run.results)
            if version != seen:
                remembered = gr.skip() if is_running else visitor | {"ended": run.id}
                yield *self._view(run, shown, is_running), remembered
                seen, shown = version, results
            if not is_running:
                return
            await asyncio.sleep(_POLL_SECONDS)
        others = (gr.skip(),) * 6
        is_lost = visitor["run"] and visitor["run"] != visitor.get("ended")
        if is_lost:  # with the server's process
            yield views.LOST, *others, visitor | {"ended": visitor["run"]}
        else:
            yield gr.skip(), *others, gr.skip()

    def _view(self, run: Run, shown: int, is_running: bool) -> tuple[Any, ...]:
        stage = result = gallery = gr.skip()
        if len(run.results) != shown:
            gallery = self.gallery_value(run.owner)
        if is_running and (frames := run.preview) is not None:
            stage = views.preview(frames)
        elif run.results and (len(run.results) != shown or not is_running):
            result = run.results[-1]
            stage = views.result_html(result)
        return (
            views.status(run),
            stage,
            result,
            gallery,
            gr.Button("Generating …" if is_running else "Generate", interactive=not is_running),
            gr.Button(visible=is_running),
            gr.Row(visible=bool(run.results) and not is_running),
        )

    def stop(self, browser: Browser | None) -> None:
        """Cancel the browser's run."""
        self.runs.cancel(known_browser(browser)["run"])

    def stop_all(self) -> None:
        """Cancel what anybody has running."""
        self.runs.cancel_all()
        self.live.stop()

    def show_live(self, picture: np.ndarray | None, prompt: str, visitor: gr.Request) -> str:
        """Take the camera's picture; return the newest picture of the character as HTML."""
        try:
            return self.live.show(picture, prompt, visitor.session_hash or "")
        except InputError as error:
            raise shown_error(error, []) from error

    # --- when the page is opened

    def open(self, browser: Browser | None) -> tuple[Any, ...]:
        """The browser's state, its gallery, and the model's default end, rate and preset."""
        visitor = known_browser(browser)
        try:
            model = self.engine.default_size
            usual: tuple[Any, ...] = (*default_length(model), model.page_preset)
        except InputError:  # shown beside the model's name
            usual = gr.skip(), gr.skip(), gr.skip()
        return visitor, self.gallery_value(visitor["owner"]), *usual

    def fit_part(self, video: str | None) -> tuple[Any, Any]:
        """Start and end in seconds of the part of a new video that is used at first."""
        try:
            return part_of(video, self.engine.default_size) if video else (gr.skip(), gr.skip())
        except InputError:  # shown beside the video
            return gr.skip(), gr.skip()

    def wait_for_model(self) -> tuple[Any, ...]:
        """Wait until the model is loaded: its name, the panel of additions, suggested prompts, the button Generate."""
        try:
            facts = self.engine.facts()
            known = suggestions(self.engine)
        except InputError as error:
            return f"**No model.** {error}", gr.skip(), gr.skip(), gr.Button("No model", interactive=False)
        return (
            f"Model: **{facts.name}**, {facts.size.width}×{facts.size.height} pixels, {facts.steps} steps."
            f" {facts.note}",
            gr.Accordion(visible=facts.text_width == LORA_TEXT_WIDTH),
            gr.Dataset(samples=[[prompt] for prompt in known]),
            gr.Button("Generate", interactive=True),
        )

    def estimate(self, browser: Browser | None, **values: Any) -> str:
        """How long the requested videos will take; empty where they cannot be made, or while a run is at work."""
        run = self.runs.get(known_browser(browser)["run"])
        if not values["video"] or (run is not None and run.is_running):
            return ""
        try:
            requests = make_requests(values | {"prompt": values["prompt"] or "a person"})
            # Poses are found once for all requests; as skeleton videos, the others get no time for poses.
            with_poses = [request.changed(input_type="skeleton") for request in requests]
            if not self.poses.has(requests[0]):
                with_poses[0] = requests[0]
            seconds = sum(map(self.engine.estimate, with_poses))
        except InputError:  # shown beside the video, or when Generate is pressed
            return ""
        return views.estimate(seconds, len(requests), self.runs.at_work)

    # --- the pose

    def show_pose(self, **values: Any) -> Iterator[tuple[gr.Image, str]]:
        """The skeleton over the video, and notices about it; nothing where there is no video yet."""
        if not values["video"]:
            yield gr.Image(None, visible=False), ""
            return
        try:
            request = self._pose_request(values)
            if not self.poses.has(request):
                yield gr.skip(), "<p>Finding the pose …</p>"
            guide = self._guide(request)
            notes = f"<p>{html.escape(describe_pose(request, guide))}</p>{views.notices(guide.notices)}"
            yield gr.Image(preview(request, guide), visible=True), notes
        except InputError as error:
            yield gr.Image(None, visible=False), views.notices([upload_names(str(error), [values["video"]])])

    def choose_person(self, chosen: gr.SelectData, **values: Any) -> Any:
        """Follow only the person that is clicked; a second click on the same person follows all again."""
        match chosen.index:
            case [int() | float() as x, int() | float() as y]:
                point = (x, y)
            case _:  # no browser sends it
                return gr.skip()
        try:
            request = self._pose_request(values)
            guide = self._guide(request)
        except InputError:  # shown where the pose is
            return gr.skip()
        number = person_at(point, guide)
        if number is None:
            return gr.skip()
        return "all" if request.people == str(number) else str(number)

    def _pose_request(self, values: Mapping[str, Any]) -> GenerationRequest:
        request = pose_request(values)
        self.runs.watch.check_input(request)
        return request

    def _guide(self, request: GenerationRequest) -> Guide:
        return self.poses.guide(request, Job(deadline=self.runs.watch.max_job_seconds))

    # --- results

    def gallery_value(self, owner: str) -> gr.Gallery:
        """Posters and prompts of an owner's results, the newest first; hidden where there are none."""
        entries = self.gallery.entries(owner, most=_SHOWN_IN_GALLERY)
        return gr.Gallery([(str(entry.poster), entry.prompt) for entry in entries], visible=bool(entries))

    def show_entry(self, browser: Browser | None, chosen: gr.SelectData) -> tuple[Any, ...]:
        """Show a result of the gallery: screen, result, actions, the button that deletes it."""
        entries = self.gallery.entries(known_browser(browser)["owner"], most=_SHOWN_IN_GALLERY)
        if not isinstance(chosen.index, int) or not 0 <= chosen.index < len(entries):
            raise gr.Error("This result is no longer in the gallery; choose another.", print_exception=False)
        result = as_result(entries[chosen.index])
        return views.result_html(result), result, gr.Row(visible=True), gr.Button(interactive=True)

    def delete_shown(self, browser: Browser | None, result: Result | None) -> Any:
        """Remove the result that is shown from the gallery."""
        owner = known_browser(browser)["owner"]
        if result is not None:
            self.gallery.delete(owner, result.files["result"].parent.name)
        return self.gallery_value(owner)

    def delete_all(self, browser: Browser | None) -> Any:
        """Empty the browser's gallery."""
        owner = known_browser(browser)["owner"]
        self.gallery.delete_all(owner)
        return self.gallery_value(owner)


def choose_example(index: int) -> tuple[Any, ...]:
    """An example in the controls, and its stored result: video, prompt, start, end, rate, aspect, screen."""
    example = examples()[index]
    made = example.settings
    fps = probe(example.video).fps
    seconds, rate = made["frames"] * made["stride"] / fps, fps / made["stride"]
    files = {"skeleton": example.skeleton, "result": example.result}
    if example.kind == "raw":
        files["source"] = example.video
    return (
        str(example.video),
        example.prompt,
        0,
        round(seconds, 2),
        round(rate, 2),
        made.get("aspect"),
        views.comparison(files) + views.caption(example.prompt),
    )


def settings_of(result: Result | None) -> dict[str, Any]:
    """Values of controls for the settings of a result."""
    return controls_for(result.settings) if result else {}


def settings_of_upload(video: str | None) -> dict[str, Any]:
    """Values of controls for the settings that are stored in a video this program made."""
    if not video:
        return {}
    try:
        settings = read_settings(video)
        given = {name: value for name, value in settings.items() if value is not None}
        pick(GenerationRequest, given | {"input": video})  # anybody can write settings into a video
        return controls_for(settings)
    except InputError as error:
        raise shown_error(error, [video]) from error
    except (TypeError, ValueError, OverflowError) as error:
        raise shown_error(InputError("The settings stored in that video are damaged."), [video]) from error


def known_browser(browser: Any) -> Browser:
    """The browser's state; with a new owner where it has none yet, or sends anything else."""
    state: Browser = {"owner": "", "run": ""}
    if isinstance(browser, dict):
        state |= {key: value for key, value in browser.items() if key in _STATE and _is_id(value)}
    return state if state["owner"] else {"owner": new_owner(), "run": ""}


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= _LONGEST_ID


def fit_weights(files: list[str] | None, before: list[str], *weights: float) -> tuple[Any, ...]:
    """A slider for each LoRA, named by its file; those that were there before keep their weight.

    Args:
        before: names of the files to which the weights belong.
    """
    most = len(weights)
    names = [Path(file).stem for file in files or []][:most]
    known = dict(zip(before, weights))
    shown = [gr.Slider(label=f"Weight of {name}", value=known.get(name, 1), visible=True) for name in names]
    return names, *shown, *[gr.Slider(value=1, visible=False)] * (most - len(names))


def shown_error(error: Exception, files: list[str | None]) -> gr.Error:
    """The error as the browser shows it."""
    return gr.Error(html.escape(upload_names(str(error), files)), print_exception=False)
