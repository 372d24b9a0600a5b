"""The page: its panels in the order of the steps, and the handler of each event."""

from __future__ import annotations

from typing import Any

import gradio as gr
from gradio.components import Component

from fyp_page.handlers.api import Api
from fyp_page.handlers.motion import describe
from fyp_page.handlers.page import Page, choose_example, settings_of, settings_of_upload
from fyp_page.layout.api import add_endpoints
from fyp_page.layout.blocks import Blocks
from fyp_page.layout.character import CharacterPanel, character_panel
from fyp_page.layout.gallery import GalleryPanel, gallery_panel
from fyp_page.layout.live import LivePanel, live_panel
from fyp_page.layout.motion import MotionPanel, motion_panel
from fyp_page.layout.pose import PosePanel, pose_panel
from fyp_page.layout.result import ResultPanel, result_panel
from fyp_page.layout.settings import settings_panel
from fyp_page.layout.theme import TITLE, header
from fyp_page.open_streams import OpenStreams

MAX_WAITING = 20  # requests; more are refused at once
_QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
_PART = ("start_seconds", "end_seconds", "rate")
# The controls on which the time for a video depends.
_WORK = ("video", *_PART, "aspect", "width", "height", "preset", "steps", "guidance")
_CAMERA_INTERVAL = 0.07  # seconds between two pictures that the browser sends
_LONGEST_LIVE = 24 * 3600  # seconds, where there is no limit
_FOLLOWERS = 100  # pages that may watch their run at once; each polls


def build(page: Page, streams: OpenStreams, max_waiting: int = MAX_WAITING) -> gr.Blocks:
    """Lay out the page.

    Args:
        streams: those that programs listen to.
        max_waiting: requests that may wait.
    """
    with Blocks(title=TITLE, delete_cache=(3600, 86400), fill_width=True, is_open=streams.is_open) as demo:
        browser = gr.BrowserState(storage_key="follow-your-pose", secret="follow-your-pose")
        gr.HTML(header())
        model = gr.Markdown("Loading the model …", elem_id="model")
        with gr.Row():
            with gr.Column(scale=5, min_width=320):
                motion = motion_panel()
                pose = pose_panel()
                character = character_panel()
                settings = settings_panel()
                live = live_panel(page.live.max_seconds)
            with gr.Column(scale=6, min_width=320, elem_id="stage"):
                stage = result_panel()
                gallery = gallery_panel()
        controls: dict[str, Component] = {
            "video": motion.video,
            "prompt": character.prompt,
            **motion.controls,
            **pose.controls,
            **settings.controls,
        }
        _connect_examples(motion, character, stage, controls)
        _connect_motion(page, motion, pose, controls)
        follow = _connect_run(page, browser, character, stage, gallery, controls)
        _connect_results(page, browser, stage, gallery, controls)
        _connect_live(page, live, character)
        _prevent_contradictions(controls)
        add_endpoints(Api(page, page.folder, streams))
        demo.load(
            page.wait_for_model,
            None,
            [model, settings.additions, character.suggestions, character.generate],
            queue=False,  # which may be full
            **_QUIET,
        )
        usual = [motion.controls["end_seconds"], motion.controls["rate"], settings.controls["preset"]]
        demo.load(page.open, browser, [browser, gallery.gallery, *usual], queue=False, **_QUIET).then(
            **follow
        )
    return demo.queue(max_size=max_waiting, default_concurrency_limit=4, api_open=False)


def _connect_examples(
    motion: MotionPanel,
    character: CharacterPanel,
    stage: ResultPanel,
    controls: dict[str, Component],
) -> None:
    motion.examples.click(
        choose_example,
        motion.examples,
        [
            motion.video,
            character.prompt,
            *(controls[name] for name in (*_PART, "aspect")),
            stage.screen,
        ],
        queue=False,
        **_QUIET,
    )
    character.suggestions.click(
        lambda sample: sample[0], character.suggestions, character.prompt, queue=False, **_QUIET
    )


def _connect_motion(page: Page, motion: MotionPanel, pose: PosePanel, controls: dict[str, Component]) -> None:
    timing = [controls[name] for name in _PART]
    gr.on(
        [motion.video.upload, motion.video.stop_recording],
        page.fit_part,
        motion.video,
        timing[:2],
        queue=False,
        **_QUIET,
    )
    gr.on(
        [each.change for each in (motion.video, *timing)],
        describe,
        [motion.video, *timing],
        motion.facts,
        queue=False,
        **_QUIET,
    )
    names = ("video", *motion.controls, *pose.controls)
    show_pose: dict[str, Any] = {
        "fn": page.show_pose,
        "inputs_kwargs": {name: controls[name] for name in names},
        "outputs": [pose.picture, pose.notes],
        "concurrency_id": "pose",
        "concurrency_limit": 2,
        **_QUIET,
    }
    gr.on([controls[name].change for name in names], trigger_mode="always_last", **show_pose)
    pose.picture.select(
        page.choose_person,
        inputs_kwargs=show_pose["inputs_kwargs"],
        outputs=controls["people"],
        **_QUIET,
    )


def _connect_run(
    page: Page,
    browser: gr.BrowserState,
    character: CharacterPanel,
    stage: ResultPanel,
    gallery: GalleryPanel,
    controls: dict[str, Component],
) -> dict[str, Any]:
    """Generate and Stop; returns the event that shows the browser's run."""
    follow: dict[str, Any] = {
        "fn": page.follow,
        "inputs": browser,
        "outputs": [
            stage.status,
            stage.screen,
            stage.result,
            gallery.gallery,
            character.generate,
            character.stop,
            stage.actions,
            browser,
        ],
        "concurrency_limit": _FOLLOWERS,
        **_QUIET,
    }
    values: dict[str, Any] = {"inputs": browser, "inputs_kwargs": controls}
    begin: dict[str, Any] = {**values, "outputs": browser, **_QUIET}
    gr.on([character.generate.click, character.prompt.submit], page.begin, **begin).success(**follow)
    with_result = begin | {"inputs": [browser, stage.result]}
    stage.new_seed.click(page.begin_with_new_seed, **with_result).success(**follow)
    gr.on(
        [character.generate.change, character.prompt.blur, *(controls[name].change for name in _WORK)],
        page.estimate,
        **values,
        outputs=character.estimate,
        trigger_mode="always_last",
        concurrency_limit=1,
        **_QUIET,
    )
    character.stop.click(page.stop, browser, queue=False, **_QUIET)
    return follow


def _connect_results(
    page: Page,
    browser: gr.BrowserState,
    stage: ResultPanel,
    gallery: GalleryPanel,
    controls: dict[str, Component],
) -> None:
    def updates(values: dict[str, Any]) -> list[Any]:
        return [values.get(name, gr.skip()) for name in controls]

    every = list(controls.values())
    gallery.gallery.select(
        page.show_entry,
        browser,
        [stage.screen, stage.result, stage.actions, gallery.delete_one],
        queue=False,
        **_QUIET,
    )
    gallery.delete_one.click(
        page.delete_shown, [browser, stage.result], gallery.gallery, queue=False, **_QUIET
    )
    gallery.delete_all.click(page.delete_all, browser, gallery.gallery, queue=False, **_QUIET)
    stage.other_prompt.click(
        None, None, None, js="() => document.querySelector('#prompt textarea').select()", **_QUIET
    )
    stage.use_settings.click(
        lambda result: updates(settings_of(result)), stage.result, every, queue=False, **_QUIET
    )
    stage.like_upload.upload(
        lambda video: updates(settings_of_upload(video)), stage.like_upload, every, queue=False, **_QUIET
    )


def _connect_live(page: Page, live: LivePanel | None, character: CharacterPanel) -> None:
    if live is None:
        return
    live.camera.stream(
        page.show_live,
        [live.camera, character.prompt],
        live.screen,
        stream_every=_CAMERA_INTERVAL,
        time_limit=page.live.max_seconds or _LONGEST_LIVE,
        concurrency_id="live",
        concurrency_limit=_FOLLOWERS,  # all but one are refused, in one sentence
        **_QUIET,
    )


def _prevent_contradictions(controls: dict[str, Component]) -> None:
    """Disable controls whose values another control decides."""
    size = [controls["width"], controls["height"]]
    controls["aspect"].change(
        lambda aspect: [gr.Textbox(interactive=not aspect)] * 2,
        controls["aspect"],
        size,
        queue=False,
        **_QUIET,
    )
    controls["input_type"].change(
        lambda kind: gr.Dropdown(interactive=kind != "skeleton"),
        controls["input_type"],
        controls["estimator"],
        queue=False,
        **_QUIET,
    )
