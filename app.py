"""The page: a video and a sentence in, a video of that character making those moves out."""

from __future__ import annotations

import logging
import os
import signal
import tempfile
import threading
import warnings
from pathlib import Path

if __name__ == "__main__":
    signal.signal(
        signal.SIGINT, signal.SIG_DFL
    )  # ends without a traceback while the imports below take their time
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
os.environ.setdefault("DIFFUSERS_VERBOSITY", "error")

import gradio as gr

from controls import KINDS, MOST_LORAS, OWN, SCHEDULERS, Page, Slider, describe, fit_weights
from errors import InputError
from fyp_core.checkpoints import AUTO
from fyp_core.engine import MAX_SEED, PRESETS, Engine
from pose_extraction.estimator import ESTIMATORS_WITH_WEIGHTS

logger = logging.getLogger(__name__)

EXAMPLE_FOLDER = Path(__file__).parent / "pose_example"
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


def build(page: Page) -> gr.Blocks:
    """Lay out the page."""
    with gr.Blocks(title="Follow Your Pose", delete_cache=(3600, 86400)) as demo:
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
                            list(PRESETS), value="exact", label="Preset", info="fast takes half the steps"
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
    return demo.queue(max_size=MAX_WAITING, default_concurrency_limit=1)


def main() -> int:
    """Serve the page on HOST:PORT until Ctrl-C or SIGTERM; the exit status is 0, or 2 where that cannot be."""
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.INFO)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", module="peft")
    host, port = os.environ.get("HOST", "0.0.0.0"), os.environ.get("PORT", "7860")
    told_to_end = _signals()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        page = Page(Engine(os.environ.get("FYP_MODEL", AUTO)), folder)
        demo = build(page)
        try:
            demo.launch(
                server_name=host,
                server_port=int(port),
                theme=THEME,
                css=CSS,
                allowed_paths=[str(EXAMPLE_FOLDER)],
                show_error=True,
                quiet=True,
                prevent_thread_lock=True,
            )
        except (OSError, OverflowError, ValueError) as error:
            reason = str(error).partition(". ")[0]
            logger.error("The page cannot be served on %s:%s (%s); set HOST and PORT.", host, port, reason)
            return 2
        logger.info(
            "The page is at http://%s:%s; Ctrl-C ends it.", host.replace("0.0.0.0", "localhost"), port
        )
        threading.Thread(target=_load_early, args=(page.engine,), daemon=True).start()
        told_to_end.wait()
        page.stop_all()
        demo.close(verbose=False)
    return 0


def _signals() -> threading.Event:
    """What Ctrl-C or SIGTERM sets; a second one ends the program at once."""
    told = threading.Event()

    def tell(number: int, _frame: object) -> None:
        told.set()
        signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, tell)
    return told


def _load_early(engine: Engine) -> None:
    try:
        engine.load()
    except InputError as error:
        logger.error("%s", error)


if __name__ == "__main__":
    status = main()
    logging.shutdown()
    os._exit(status)  # without waiting for threads that load or compute
