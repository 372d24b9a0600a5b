"""What the page shows: panels and their controls."""

from __future__ import annotations

import gradio as gr

from fyp_core.generation.request import MAX_SEED
from fyp_core.presets import PRESETS
from fyp_core.project_files import project_file
from fyp_page.handlers import KINDS, MOST_LORAS, OWN, SCHEDULERS, Page, Slider, describe, fit_weights
from fyp_page.serving.blocks import Blocks
from pose_extraction.estimators.factory import ESTIMATORS_WITH_WEIGHTS

EXAMPLE_FOLDER = project_file("pose_example")
EXAMPLES = (
    (EXAMPLE_FOLDER / "skeleton_jumping_jacks.mp4", "Skeleton Video", "an astronaut on the beach"),
    (EXAMPLE_FOLDER / "raw_man_cheering.mp4", "Raw Video", "a robot in Antarctica"),
    (EXAMPLE_FOLDER / "skeleton_macarena.mp4", "Skeleton Video", "a panda on the moon"),
    (EXAMPLE_FOLDER / "skeleton_dribble.mp4", "Skeleton Video", "Iron man in the snow"),
    (EXAMPLE_FOLDER / "raw_woman_dancing.mp4", "Raw Video", "a stormtrooper in the desert"),
    (EXAMPLE_FOLDER / "skeleton_disco.mp4", "Skeleton Video", "Hulk on the sea"),
    (EXAMPLE_FOLDER / "skeleton_kick.mp4", "Skeleton Video", "Batman on the street"),
    (EXAMPLE_FOLDER / "raw_man_jumping_jacks.mp4", "Raw Video", "a policeman in the forest"),
    (EXAMPLE_FOLDER / "skeleton_arm_wave.mp4", "Skeleton Video", "Superman on the mountain"),
)
LARGEST = 1024  # pixels, of width and height
MAX_WAITING = 20  # requests; more are turned away at once
THEME = gr.themes.Soft(
    primary_hue="orange",
    secondary_hue="orange",
    neutral_hue="slate",
    font=["system-ui", "sans-serif"],
    font_mono=["ui-monospace", "monospace"],
)
CSS = """
#title h1 { font-size: 2rem; margin: 0.4rem 0 0; }
#title p { font-size: 1.05rem; margin: 0.3rem 0 0; }
#examples .gallery-item, #examples .gallery-item video { width: 3.4rem; height: 3.4rem; }
#model, #facts { opacity: 0.75; font-size: 0.9rem; }
footer { display: none !important; }
"""


def build(page: Page, max_waiting: int = MAX_WAITING) -> gr.Blocks:
    """Lay out the page.

    Args:
        max_waiting: requests that may wait.
    """
    with Blocks(title="Follow Your Pose", delete_cache=(3600, 86400)) as demo:
        gr.Markdown(
            "# Follow Your Pose\nA video of a person moving and a sentence in; "
            "a video of the described character making the same moves out.",
            elem_id="title",
        )
        model = gr.Markdown("Loading the model…", elem_id="model")
        with gr.Row():
            with gr.Column(min_width=320):
                video = gr.Video(label="Input video", sources=["upload"], include_audio=True, height=280)
                facts = gr.Markdown(elem_id="facts")
                examples = gr.Dataset(
                    components=[video],
                    samples=[[str(path)] for path, *_ in EXAMPLES],
                    type="index",
                    label="Examples: choose one, then Generate",
                    elem_id="examples",
                )
                kind = gr.Radio(list(KINDS), value="Raw Video", label="Kind of input")
                prompt = gr.Textbox(label="Prompt", placeholder="an astronaut on the beach", max_length=500)
                with gr.Row():
                    frames = Slider(1, 64, 8, step=1, precision=0, label="Frames")
                    stride = Slider(1, 30, 5, step=1, precision=0, label="Stride")
                with gr.Accordion("Start, crop and pose", open=False):
                    start = gr.Number(0, precision=0, minimum=0, label="First frame")
                    with gr.Row():
                        crop = [
                            gr.Number(0, precision=0, minimum=0, min_width=120, label=f"Crop {side}")
                            for side in ("left", "right", "top", "bottom")
                        ]
                    estimator = gr.Dropdown(
                        list(ESTIMATORS_WITH_WEIGHTS),
                        value=ESTIMATORS_WITH_WEIGHTS[0],
                        label="Pose estimator",
                        info="finds the person in a raw video; auto takes the best that is quick here",
                    )
                with gr.Accordion("Sampling", open=False):
                    with gr.Row():
                        steps = Slider(0, 100, 0, step=1, precision=0, label="Steps", info=OWN)
                        guidance = Slider(0, 20, 0, step=0.5, label="Guidance scale", info=OWN)
                    with gr.Row():
                        width, height = (
                            gr.Number(
                                0, precision=0, minimum=0, maximum=LARGEST, step=8, label=label, info=OWN
                            )
                            for label in ("Width", "Height")
                        )
                    with gr.Row():
                        preset = gr.Radio(
                            list(PRESETS), value="exact", label="Preset", info="fast and turbo save work"
                        )
                        scheduler = gr.Dropdown(
                            list(SCHEDULERS.items()),
                            value="auto",
                            label="Scheduler",
                            info="the way from noise to video",
                        )
                    seed = gr.Number(
                        -1,
                        precision=0,
                        minimum=-1,
                        maximum=MAX_SEED,
                        label="Seed",
                        info="-1 draws a new one each time",
                    )
                    negative_prompt = gr.Textbox("", label="Negative prompt", placeholder="what to avoid")
                with gr.Accordion("LoRA", open=False, visible=False) as lora:
                    loras = gr.File(
                        label="LoRA files",
                        elem_id="loras",
                        file_count="multiple",
                        file_types=[".safetensors"],
                        height=140,
                    )
                    weights = [
                        Slider(-1, 2, 1, step=0.05, label=f"Weight {index + 1}", visible=False)
                        for index in range(MOST_LORAS)
                    ]
                    weighted = gr.State([])
                with gr.Row():
                    generate = gr.Button("Loading…", variant="primary", interactive=False, scale=3)
                    stop = gr.Button("Stop", variant="stop", min_width=80)
            with gr.Column(min_width=320):
                result = gr.Video(
                    label="Result",
                    elem_id="result",
                    interactive=False,
                    autoplay=True,
                    loop=True,
                    height=400,
                    buttons=["download"],
                )
                summary = gr.Markdown(elem_id="summary")
                skeleton = gr.Video(
                    label="Skeleton", elem_id="skeleton", interactive=False, autoplay=True, loop=True, height=280,
                    buttons=["download"],
                )  # fmt: skip
                with gr.Accordion("Settings of this video", open=False):
                    settings = gr.JSON(show_label=False)
        inputs = [video, kind, prompt, frames, stride, start, *crop]
        inputs += [steps, guidance, seed, preset, negative_prompt, estimator]
        inputs += [scheduler, width, height, loras, *weights]
        running = gr.on(
            [generate.click, prompt.submit],
            page.generate,
            inputs,
            [result, skeleton, summary, settings],
            api_name="generate",
            show_progress_on=[result],
        )
        examples.click(
            lambda index: tuple(map(str, EXAMPLES[index])),
            examples,
            [video, kind, prompt],
            queue=False,
            show_progress="hidden",
            api_visibility="private",
        )
        stop.click(page.stop, queue=False, cancels=[running], api_visibility="private")
        gr.on(
            [video.change, frames.change, stride.change, start.change],
            describe,
            [video, frames, stride, start],
            facts,
            queue=False,
            show_progress="hidden",
            api_visibility="private",
        )
        loras.change(
            fit_weights,
            [loras, weighted, *weights],
            [weighted, *weights],
            queue=False,
            show_progress="hidden",
            api_visibility="private",
        )
        demo.load(
            page.wait_for_model,
            None,
            [model, steps, guidance, width, height, lora, generate],
            queue=False,  # which may be full
            show_progress="hidden",
            api_visibility="private",
        )
        demo.unload(page.stop)
    return demo.queue(max_size=max_waiting, default_concurrency_limit=1, api_open=False)
