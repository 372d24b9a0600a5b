"""The result panel: an introduction, the progress of a run, its result and actions for it."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from fyp_page.examples import examples
from fyp_page.handlers.views import introduction


@dataclass
class ResultPanel:
    """result: the shown result; ``screen``: its HTML."""

    status: gr.HTML
    screen: gr.HTML
    result: gr.State
    actions: gr.Row
    other_prompt: gr.Button
    new_seed: gr.Button
    use_settings: gr.Button
    like_upload: gr.UploadButton


def result_panel() -> ResultPanel:
    """Synchronised videos; buttons for the next run."""
    with gr.Column(elem_classes="card"):
        status = gr.HTML(elem_id="status")
        screen = gr.HTML(_introduction(), elem_id="screen")
        result = gr.State()
        with gr.Row(visible=False) as actions:
            other_prompt = gr.Button("Same motion, other prompt", size="sm", min_width=140)
            new_seed = gr.Button("Same settings, new seed", size="sm", min_width=140)
            use_settings = gr.Button("Use these settings", size="sm", min_width=140)
        like_upload = gr.UploadButton(
            "Like this one: upload a result", size="sm", file_types=["video"], variant="secondary"
        )
    return ResultPanel(status, screen, result, actions, other_prompt, new_seed, use_settings, like_upload)


def _introduction() -> str:
    shown = examples()[0]
    files = {"source": shown.video, "skeleton": shown.skeleton, "result": shown.result}
    text = (
        '<div class="hero-text"><b>The moves of one, the looks of another.</b><p>Choose a motion, choose a'
        " character, press Generate. The first video takes three clicks.</p></div>"
    )
    return introduction(files) + text
