"""Step 1: the video whose motion is followed."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr
from gradio.components import Component

from fyp_page.controls import control
from fyp_page.examples import examples
from fyp_page.handlers.motion import DEFAULT_RATE, DEFAULT_SECONDS
from fyp_page.layout.theme import step

# Reads where the player stands.
_PLAYER_TIME = "() => Math.round(100 * (document.querySelector('#motion video')?.currentTime ?? 0)) / 100"


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
        step(1, "Motion", "Whose moves shall be followed?")
        video = gr.Video(
            label="Video of a person, or of a skeleton",
            sources=["upload", "webcam"],
            include_audio=True,
            height=300,
            elem_id="motion",
        )
        chosen = gr.Dataset(
            components=[gr.Image(render=False)],
            samples=[[str(example.poster)] for example in examples()],
            type="index",
            label="Or choose an example; its result is shown at once",
            elem_id="examples",
            samples_per_page=len(examples()),
        )
        facts = gr.Markdown(elem_id="facts")
        with gr.Accordion("Which part of the video", open=False):
            with gr.Row():
                start = gr.Number(0, minimum=0, step=0.1, label="Start, seconds", min_width=110)
                seconds = gr.Number(
                    DEFAULT_SECONDS, minimum=0, step=0.1, label="Length, seconds", min_width=110
                )
                rate = gr.Number(DEFAULT_RATE, minimum=0, step=1, label="Frames a second", min_width=110)
            here = gr.Button("Start at the player's position", size="sm")
            here.click(None, None, start, js=_PLAYER_TIME, api_visibility="private")
            kind = control("input_type", label="What the video shows", choices=["auto", "raw", "skeleton"])
    controls = {"start_seconds": start, "seconds": seconds, "rate": rate, "input_type": kind}
    return MotionPanel(video, chosen, facts, controls)
