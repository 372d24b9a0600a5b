"""The page: a video and a sentence in, a video of that character making those moves out."""

from __future__ import annotations

import html
import logging
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

import gradio as gr

from errors import InputError
from fyp_core.checkpoints import AUTO
from fyp_core.engine import MAX_SEED, Engine, GenerationRequest, GenerationResult
from fyp_core.jobs import Job, JobCancelled, Progress
from fyp_core.output import save_video
from pose_extraction.estimator import ESTIMATOR_NAMES
from video_io import VideoInfo, probe

logger = logging.getLogger(__name__)

KINDS = {"Raw Video": "raw", "Skeleton Video": "skeleton"}
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
PHASES = {
    "wait": "Waiting for others",
    "load": "Loading the model",
    "pose": "Finding the person",
    "denoise": "Painting",
    "decode": "Developing",
}
OWN = "0 takes the model's own"
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
#model, #facts { opacity: 0.75; font-size: 0.9rem; }
footer { display: none !important; }
"""


class Page:
    """What the controls do. Every user's files lie in folders of their own."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._jobs: dict[str | None, Job] = {}  # by browser session

    def generate(
        self,
        video: str | None,
        kind: str,
        prompt: str,
        frames: int,
        stride: int,
        start: int | None,
        crop_left: int | None,
        crop_right: int | None,
        crop_top: int | None,
        crop_bottom: int | None,
        steps: int,
        guidance: float,
        seed: int | None,
        preset: str,
        negative_prompt: str,
        estimator: str,
        session: gr.Request,
        show: gr.Progress = gr.Progress(),  # noqa: B008 - how Gradio hands over its progress bar
    ) -> Iterator[tuple[Any, ...]]:
        """Generate a video; first yields the skeleton video, then the result with its settings."""
        if not video:
            raise _shown("There is no input video; upload one or choose an example.")
        request = GenerationRequest(
            input=video,
            prompt=prompt,
            input_type=KINDS[kind],
            negative_prompt=negative_prompt,
            frames=frames,
            stride=stride,
            start=start or 0,
            crop=(crop_left or 0, crop_right or 0, crop_top or 0, crop_bottom or 0),
            steps=steps or None,
            guidance=guidance or None,
            seed=None if seed is None or seed < 0 else seed,
            preset=preset,
            estimator=estimator,
        )
        job = self._jobs[session.session_hash] = Job(lambda progress: _report(show, progress))
        try:
            # Gradio copies what is yielded into its cache, under unguessable names.
            with tempfile.TemporaryDirectory() as folder:
                guide = self.engine.prepare(request, job)
                skeleton = str(Path(folder, "skeleton.mp4"))
                save_video(skeleton, guide.skeletons, guide.fps)
                yield None, skeleton, "", None
                show(0, desc=PHASES["load"])
                result = self.engine.render(request, guide, job)
                path = str(Path(folder, "result.mp4"))
                save_video(path, result.frames, result.fps, result.settings())
                yield path, skeleton, _summary(result), result.settings()
        except InputError as error:
            raise _shown(str(error)) from error
        except JobCancelled:
            yield None, None, "Stopped.", None
        finally:
            self._jobs.pop(session.session_hash, None)

    def stop(self, session: gr.Request) -> None:
        """Cancel what this browser session has running."""
        if job := self._jobs.get(session.session_hash):
            job.cancel()

    def wait_for_model(self) -> tuple[Any, ...]:
        """Wait until the model is there; say which one it is and what its own settings are."""
        try:
            source = self.engine.load()
        except InputError as error:
            return f"**No model.** {error}", gr.skip(), gr.skip(), gr.Button("No model", interactive=False)
        config = self.engine.pipeline.config
        return (
            f"Model: **{source.name}**, {config.default_width}×{config.default_height} pixels. {source.note}",
            gr.Slider(info=f"{OWN}, {config.default_num_inference_steps}"),
            gr.Slider(info=f"{OWN}, {config.default_guidance_scale:g}"),
            gr.Button("Generate", interactive=True),
        )


def describe(video: str | None, frames: int, stride: int, start: int | None) -> str:
    """What an uploaded video is, and how many of its frames can be used."""
    if not video:
        return ""
    try:
        info = probe(video)
    except InputError as error:
        return f"⚠ {error}"
    count = _frame_count(info)
    text = f"{count} frames at {info.fps:.4g} a second, {info.width}×{info.height}."
    available = count - 1 - (start or 0)
    if available < 0:
        return f"{text} ⚠ Start at frame {count - 1} or earlier."
    widest = available // max(frames - 1, 1)
    fits = "" if (frames - 1) * stride <= available else "⚠ "
    return (
        f"{text} {fits}At stride {stride}, up to {available // stride + 1} frames fit; "
        f"{frames} frames fit up to stride {widest}."
    )


def build(engine: Engine) -> gr.Blocks:
    """Lay out the page."""
    page = Page(engine)
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
                kind = gr.Radio(list(KINDS), value="Raw Video", label="Kind of input")
                prompt = gr.Textbox(label="Prompt", placeholder="an astronaut on the beach", max_length=500)
                with gr.Row():
                    frames = gr.Slider(1, 64, 8, step=1, precision=0, label="Frames")
                    stride = gr.Slider(1, 30, 5, step=1, precision=0, label="Stride")
                with gr.Accordion("Start and crop", open=False):
                    start = gr.Number(0, precision=0, minimum=0, label="First frame")
                    with gr.Row():
                        crop = [
                            gr.Number(0, precision=0, minimum=0, min_width=80, label=f"Crop {side}")
                            for side in ("left", "right", "top", "bottom")
                        ]
                with gr.Accordion("Sampling", open=False):
                    with gr.Row():
                        steps = gr.Slider(0, 100, 0, step=1, precision=0, label="Steps", info=OWN)
                        guidance = gr.Slider(0, 20, 0, step=0.5, label="Guidance scale", info=OWN)
                    seed = gr.Number(
                        -1,
                        precision=0,
                        minimum=-1,
                        maximum=MAX_SEED,
                        label="Seed",
                        info="-1 draws a new one each time",
                    )
                    negative_prompt = gr.Textbox("", label="Negative prompt", placeholder="what to avoid")
                    with gr.Row():
                        preset = gr.Radio(
                            [("exact", "exact"), ("fast: half the steps", "fast")],
                            value="exact",
                            label="Preset",
                        )
                        estimator = gr.Dropdown(
                            list(ESTIMATOR_NAMES), value=ESTIMATOR_NAMES[0], label="Pose estimator"
                        )
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
        examples = gr.Dataset(
            components=[video],
            samples=[[str(path)] for path, *_ in EXAMPLES],
            type="index",
            label="Examples: choose one, then Generate",
        )

        inputs = [video, kind, prompt, frames, stride, start, *crop]
        inputs += [steps, guidance, seed, preset, negative_prompt, estimator]
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
        demo.load(
            page.wait_for_model,
            None,
            [model, steps, guidance, generate],
            concurrency_limit=None,
            show_progress="hidden",
            api_visibility="private",
        )
        demo.unload(page.stop)
    return demo.queue(max_size=MAX_WAITING, default_concurrency_limit=1)


def _report(show: gr.Progress, progress: Progress) -> None:
    left = f", {progress.seconds_left:.0f} s left" if progress.seconds_left else ""
    show((progress.step, progress.total), desc=f"{PHASES[progress.phase]}{left}")


def _summary(result: GenerationResult) -> str:
    """One line on how the result came about, then what the user should know."""
    request = result.request
    line = (
        f"Seed **{request.seed}** · {request.steps} steps · guidance {request.guidance:g} · "
        f"{result.model['model']} · {sum(result.seconds.values()):.1f} s"
    )
    return "\n\n".join([line, *(f"⚠ {html.escape(notice)}" for notice in result.notices)])


def _frame_count(info: VideoInfo) -> int:
    return info.frame_count or round(info.duration * info.fps)


def _shown(message: str) -> gr.Error:
    return gr.Error(html.escape(message), print_exception=False)


def main() -> int:
    """Serve the page on HOST:PORT until it is interrupted."""
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.INFO)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    engine = Engine(os.environ.get("FYP_MODEL", AUTO))
    demo = build(engine)
    threading.Thread(target=_load_early, args=(engine,), daemon=True).start()
    port = int(os.environ.get("PORT", "7860"))
    try:
        demo.launch(
            server_name=os.environ.get("HOST", "0.0.0.0"),
            server_port=port,
            theme=THEME,
            css=CSS,
            show_error=True,
        )
    except OSError as error:
        logger.error("The page cannot be served on port %d; set PORT to another one. (%s)", port, error)
        return 1
    return 0


def _load_early(engine: Engine) -> None:
    try:
        engine.load()
    except InputError as error:
        logger.error("%s", error)


if __name__ == "__main__":
    sys.exit(main())
