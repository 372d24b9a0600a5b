"""The stage: what the page does, how a run goes, its result, and what to do with it."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from fyp_page.examples import examples
from fyp_page.handlers.views import hero


@dataclass
class Stage:
    """result: the one that is shown."""

    status: gr.HTML
    screen: gr.HTML
    result: gr.State
    actions: gr.Row
    other_prompt: gr.Button
    new_seed: gr.Button
    use_settings: gr.Button
    like_upload: gr.UploadButton


def stage_panel() -> Stage:
    """Videos that play in step; buttons that go on from there."""
    with gr.Column(elem_classes="card"):
        status = gr.HTML(elem_id="status")
        screen = gr.HTML(_first_sight(), elem_id="screen")
        result = gr.State()
        with gr.Row(visible=False) as actions:
            other_prompt = gr.Button("Same motion, other prompt", size="sm", min_width=140)
            new_seed = gr.Button("Same settings, new seed", size="sm", min_width=140)
            use_settings = gr.Button("Use these settings", size="sm", min_width=140)
        like_upload = gr.UploadButton(
            "Like this one: upload a result", size="sm", file_types=["video"], variant="secondary"
        )
    return Stage(status, screen, result, actions, other_prompt, new_seed, use_settings, like_upload)


def _first_sight() -> str:
    shown = examples()[0]
    files = {"source": shown.video, "skeleton": shown.skeleton, "result": shown.result}
    text = (
        '<div class="hero-text"><b>The moves of one, the looks of another.</b><p>Choose a motion, choose a'
        " character, press Generate. The first video takes three clicks.</p></div>"
    )
    return hero(files) + text
