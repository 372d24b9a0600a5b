"""The live panel: a person in front of the camera moves the character."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

_CAMERA_WIDTH = 480  # pixels; more takes time and does not improve poses


@dataclass
class LivePanel:
    """screen: the newest picture of the character, as HTML."""

    camera: gr.Image
    screen: gr.HTML


def live_panel(max_seconds: float | None) -> LivePanel | None:
    """The camera and the character; None where live sessions are switched off.

    Args:
        max_seconds: of a session; None is no limit.
    """
    if max_seconds == 0:
        return None
    limit = "" if max_seconds is None else f" For up to {max_seconds:g} seconds at a time."
    with gr.Accordion(
        "Live: move the character with your camera", open=False, elem_id="live", elem_classes="card"
    ):
        gr.Markdown(
            "Write a prompt above, start the camera, and step back until your whole body is in the picture."
            f" Pictures are not stored.{limit}"
        )
        with gr.Row():
            camera = gr.Image(
                label="Camera",
                sources=["webcam"],
                streaming=True,
                height=300,
                elem_id="camera",
                webcam_options=gr.WebcamOptions(mirror=True, constraints={"width": {"ideal": _CAMERA_WIDTH}}),
                min_width=240,
            )
            with gr.Column(min_width=240):
                screen = gr.HTML(elem_id="live_screen")
    return LivePanel(camera, screen)
