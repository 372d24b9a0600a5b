"""Settings in closed accordions; their defaults suit most videos."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr
from gradio.components import Component

from fyp_core.schedulers import SCHEDULER_NAMES
from fyp_core.weights.sources import list_bases
from fyp_page.controls import control
from fyp_page.handlers.page import fit_weights
from fyp_page.handlers.requests import MOST_LORAS

_ADDITIONS = "LoRA, textual inversion, base model"


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
