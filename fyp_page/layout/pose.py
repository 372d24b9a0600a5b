"""Step 2: the pose that was found, and which part of the picture is used."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr
from gradio.components import Component

from fyp_core.generation.result_size import ASPECTS
from fyp_page.controls import control, usable_estimators
from fyp_page.layout.theme import step
from pose_extraction.motion.body import BODY_IN_WORDS


@dataclass
class PosePanel:
    """controls: by the names of what they set."""

    picture: gr.Image
    notes: gr.HTML
    controls: dict[str, Component]


def pose_panel() -> PosePanel:
    """The skeleton over the video, framing, estimator."""
    with gr.Column(elem_classes="card"):
        step(2, "Pose", "Is the right person found, and the right part shown?")
        picture = gr.Image(
            label="Click a person to follow nobody else",
            interactive=False,
            height=300,
            buttons=["fullscreen"],
            elem_id="pose",
            alt_text="The skeleton over the middle frame of the video",
            visible=False,
        )
        notes = gr.HTML(elem_id="pose_notes")
        with gr.Accordion("People", open=False):
            controls: dict[str, Component] = {"people": control("people")}
            with gr.Row():
                controls |= {name: control(name, min_width=140) for name in ("smoothing", "pose_scale")}
            controls |= {
                "retarget": control("retarget", info=f"Another body: {BODY_IN_WORDS}"),
                "mirror": control("mirror"),
            }
            controls["estimator"] = control("estimator", choices=usable_estimators())
        with gr.Accordion("Framing and crop", open=False):
            controls |= {
                "fit": control("fit"),
                "follow": control("follow"),
                "aspect": control("aspect", choices=list(ASPECTS)),
            }
            with gr.Row():
                for side in ("left", "right", "top", "bottom"):
                    controls[f"crop_{side}"] = gr.Number(
                        0, precision=0, minimum=0, min_width=90, label=f"Crop {side}"
                    )
    return PosePanel(picture, notes, controls)
