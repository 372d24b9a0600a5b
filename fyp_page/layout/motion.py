"""Step 1: the video whose motion is followed."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr
from gradio.components import Component

from fyp_page.controls import control
from fyp_page.examples import examples
from fyp_page.handlers.motion import DEFAULT_RATE, DEFAULT_SECONDS
from fyp_page.layout.theme import step

# Two handles on one bar; the script connects them with the numbers and the player.
_TRIM_BAR = (
    '<div id="trim"><input type="range" min="0" step="0.01" value="0" aria-label="Start of the part used">'
    '<input type="range" min="0" step="0.01" value="0" aria-label="End of the part used"></div>'
)


@dataclass
class MotionPanel:
    """controls: by the names of what they set."""

    video: gr.Video
    examples: gr.Dataset
    facts: gr.Markdown
    controls: dict[str, Component]


def motion_panel() -> MotionPanel:
    """Upload, webcam or example; which part of it."""
    with gr.Column(elem_classes="card"):
        step(1, "Motion", "Which video should be followed?")
        video = gr.Video(
            label="Video of a person, or of a skeleton",
            sources=["upload", "webcam"],
            include_audio=True,
            height=300,
            elem_id="motion",
        )
        with gr.Column(elem_id="part"):
            gr.HTML(_TRIM_BAR)
            with gr.Row():
                start = gr.Number(0, minimum=0, step=0.1, label="Start (s)", min_width=90, elem_id="start")
                end = gr.Number(
                    DEFAULT_SECONDS, minimum=0, step=0.1, label="End (s)", min_width=90, elem_id="end"
                )
                rate = gr.Number(DEFAULT_RATE, minimum=0, step=0.1, label="Frames/s", min_width=90)
        facts = gr.Markdown(elem_id="facts")
        chosen = gr.Dataset(
            components=[gr.Image(render=False)],
            samples=[[str(example.poster)] for example in examples()],
            type="index",
            label="Or choose an example; its result is shown at once",
            elem_id="examples",
            samples_per_page=len(examples()),
        )
        with gr.Accordion("Kind of video", open=False):
            kind = control("input_type", label="What the video shows", choices=["auto", "raw", "skeleton"])
    controls = {"start_seconds": start, "end_seconds": end, "rate": rate, "input_type": kind}
    return MotionPanel(video, chosen, facts, controls)
