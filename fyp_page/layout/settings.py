"""Settings in closed accordions; their defaults suit most videos."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr
from gradio.components import Component

from fyp_core.schedulers import SCHEDULER_NAMES
from fyp_core.weights.ip_adapter.files import DEFAULT_KIND, KINDS
from fyp_core.weights.sources import list_bases
from fyp_page.controls import control
from fyp_page.handlers.page import fit_weights
from fyp_page.handlers.requests import MOST_LORAS

_ADDITIONS = "Reference picture, LoRA, textual inversion, base model"
_PICTURES = [".png", ".jpg", ".jpeg", ".webp"]


@dataclass
class SettingsPanel:
    """controls: by the names of what they set. additions: shown for models of Stable Diffusion 1.x."""

    controls: dict[str, Component]
    additions: gr.Accordion


def settings_panel() -> SettingsPanel:
    """How the video is sampled, its size, what is added to the model."""
    with gr.Accordion("Settings", open=False, elem_classes="card"):
        controls = {"preset": control("preset"), "seed": control("seed")}
        controls["sound"] = control("sound")
        controls["negative_prompt"] = control("negative_prompt")
        with gr.Row():
            controls |= {name: control(name, min_width=140) for name in ("steps", "guidance")}
            controls["scheduler"] = control("scheduler", min_width=140, choices=list(SCHEDULER_NAMES))
        controls["pose_strength"] = control("pose_strength", step=0.1)
        with gr.Row():
            controls |= {name: control(name, min_width=140) for name in ("width", "height")}
    with gr.Accordion(_ADDITIONS, open=False, visible=False, elem_classes="card") as additions:
        controls |= _reference_controls()
        controls |= _lora_controls()
        controls["embeddings"] = gr.File(
            label="Textual inversions: a prompt names each by its token or by the file's name",
            elem_id="embeddings",
            file_count="multiple",
            file_types=[".safetensors", ".pt", ".bin"],
            height=140,
        )
        bases = list(list_bases())
        controls["base"] = gr.Dropdown(
            [("the model's own", None), *bases], value=None, label="Base model", visible=bool(bases)
        )
    return SettingsPanel(controls, additions)


def _reference_controls() -> dict[str, Component]:
    # A file and not an image of Gradio's, which would be decoded in this process without checks.
    picture = gr.File(
        label="Reference picture; its middle square is used",
        elem_id="reference-picture",
        file_types=_PICTURES,
        height=140,
    )
    with gr.Row():
        kind = control(
            "ip_adapter",
            choices=list(KINDS),
            value=DEFAULT_KIND,
            label="Taken from the picture",
            info=None,
            min_width=200,
        )
        strength = control("reference_strength", label="Strength", step=0.05, min_width=200)
    own = gr.File(label="Another IP-Adapter file", file_types=[".safetensors", ".bin"], height=140)
    return {
        "reference_picture": picture,
        "ip_adapter": kind,
        "reference_strength": strength,
        "ip_adapter_file": own,
    }


def _lora_controls() -> dict[str, Component]:
    files = gr.File(
        label="LoRA files",
        elem_id="loras",
        file_count="multiple",
        file_types=[".safetensors"],
        height=140,
    )
    weights = [
        gr.Slider(-1, 2, 1, step=0.05, label=f"Weight {index + 1}", visible=False)
        for index in range(MOST_LORAS)
    ]
    weighted = gr.State([])
    files.change(
        fit_weights,
        [files, weighted, *weights],
        [weighted, *weights],
        queue=False,
        show_progress="hidden",
        api_visibility="private",
    )
    return {"loras": files} | {f"weight_{number}": weight for number, weight in enumerate(weights, start=1)}
