"""Step 3: the character and the scene."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from fyp_page.handlers.prompts import FALLBACK
from fyp_page.layout.theme import step


@dataclass
class CharacterPanel:
    """estimate: the time that the videos will take."""

    prompt: gr.Textbox
    suggestions: gr.Dataset
    generate: gr.Button
    stop: gr.Button
    estimate: gr.Markdown


def character_panel() -> CharacterPanel:
    """The prompt, suggestions, Generate and Stop, and how long it will take."""
    with gr.Column(elem_classes="card"):
        step(3, "Character", "Who makes the moves, and where?")
        prompt = gr.Textbox(
            label="Prompt",
            info="Several lines make several videos of the same motion.",
            placeholder="an astronaut on the moon",
            lines=2,
            max_length=2000,
            elem_id="prompt",
        )
        suggestions = gr.Dataset(
            components=[gr.Textbox(render=False)],
            samples=[[prompt] for prompt in FALLBACK],
            label="Suggestions",
            elem_id="suggestions",
            samples_per_page=12,
        )
        with gr.Row():
            generate = gr.Button(
                "Loading …", variant="primary", interactive=False, scale=3, elem_id="generate"
            )
            stop = gr.Button("Stop", variant="stop", min_width=80, visible=False)
        estimate = gr.Markdown(elem_id="estimate")
    return CharacterPanel(prompt, suggestions, generate, stop, estimate)
