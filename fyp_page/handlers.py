"""What the page's controls do: a request out of their values, its progress, and what is shown in the end."""

from __future__ import annotations

import html
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from fyp_core.generation.engine import Engine, GenerationResult
from fyp_core.generation.guide import fine_skeletons
from fyp_core.generation.job import PHASE_NAMES, Job, JobCancelled, Progress
from fyp_core.generation.output import save_video
from fyp_core.generation.request import GenerationRequest
from fyp_core.presets import PresetName
from fyp_media.errors import InputError
from fyp_media.read_video import probe

KINDS = {"Raw Video": "raw", "Skeleton Video": "skeleton"}
SCHEDULERS = {
    "of the preset": "auto",
    "DDIM": "ddim",
    "DPM-Solver++ 2M": "dpmpp-2m",
    "DPM-Solver++ 2M Karras": "dpmpp-2m-karras",
    "UniPC": "unipc",
    "Euler": "euler",
    "Euler a": "euler-a",
    "LCM, for its LoRAs": "lcm",
    "TCD, for its LoRAs": "tcd",
}
OWN = "0 takes the model's own"
MOST_LORAS = 4
LORA_TEXT_WIDTH = 768  # of Stable Diffusion 1.x, for which LoRAs are shared


class Slider(gr.Slider):
    """A slider whose number may be empty, as it is for a moment while another is typed; then its value is None."""

    is_template = True  # for Gradio: it looks like its parent

    def preprocess(self, payload: float | None) -> float | None:
        return None if payload is None else super().preprocess(payload)


class Page:
    """What the controls do. Every user's files lie in folders of their own, below ``folder``, for as long as needed."""

    def __init__(self, engine: Engine, folder: str) -> None:
        self.engine = engine
        self._folder = folder
        self._jobs: dict[Job, str | None] = {}  # with browser sessions, whose jobs may overlap

    def generate(
        self,
        session: gr.Request,
        video: str | None,
        kind: str | None,
        prompt: str | None,
        frames: int | None,
        stride: int | None,
        start: int | None,
        crop_left: int | None,
        crop_right: int | None,
        crop_top: int | None,
        crop_bottom: int | None,
        steps: int | None,
        guidance: float | None,
        seed: int | None,
        preset: PresetName,
        negative_prompt: str | None,
        estimator: str,
        scheduler: str,
        width: int | None,
        height: int | None,
        loras: list[str] | None = None,
        weight_1: float | None = 1,
        weight_2: float | None = 1,
        weight_3: float | None = 1,
        weight_4: float | None = 1,
        show: gr.Progress = gr.Progress(),  # noqa: B008 - how Gradio hands over its progress bar
    ) -> Iterator[tuple[Any, ...]]:
        """Generate a video; first yields the skeleton video, then the result with its settings."""
        if not video:
            raise _shown("There is no input video; upload one or choose an example.")
        if frames is None or stride is None:
            raise _shown(f"{'Frames' if frames is None else 'Stride'} is empty; give a whole number.")
        loras = loras or []
        if len(loras) > MOST_LORAS:
            raise _shown(f"There are {len(loras)} LoRAs; take at most {MOST_LORAS}.")
        input_type: Any = KINDS.get(kind or "", kind)  # the request checks it
        weights = zip(loras, (weight_1, weight_2, weight_3, weight_4))
        request = GenerationRequest(
            input=video,
            prompt=prompt or "",
            input_type=input_type,
            negative_prompt=negative_prompt or "",
            frames=frames,
            stride=stride,
            start=start or 0,
            crop=(crop_left or 0, crop_right or 0, crop_top or 0, crop_bottom or 0),
            steps=steps or None,
            guidance=guidance or None,
            seed=None if seed is None or seed < 0 else seed,
            preset=preset,
            estimator=estimator,
            scheduler=scheduler,
            width=width or None,
            height=height or None,
            loras=tuple(f"{file}:{1 if weight is None else weight:g}" for file, weight in weights),
        )
        job = Job(lambda progress: _report(show, progress))
        self._jobs[job] = session.session_hash
        try:
            # Gradio copies what is yielded into its cache, under unguessable names.
            with tempfile.TemporaryDirectory(dir=self._folder) as folder:
                guide = self.engine.prepare(request, job)
                skeleton = str(Path(folder, "skeleton.mp4"))
                save_video(skeleton, fine_skeletons(request, guide), guide.fps)
                yield None, skeleton, "", None
                show(0, desc=PHASE_NAMES["load"])
                result = self.engine.render(request, guide, job)
                path = str(Path(folder, "result.mp4"))
                save_video(path, result.frames, result.fps, result.settings())
                yield path, skeleton, _summary(result), result.settings()
        except InputError as error:
            raise _shown(_by_name(str(error), [video, *(loras or [])])) from error
        except JobCancelled:
            yield None, None, "Stopped.", None
        finally:
            del self._jobs[job]

    def stop(self, session: gr.Request) -> None:
        """Cancel what this browser session has running."""
        for job, owner in list(self._jobs.items()):
            if owner == session.session_hash:
                job.cancel()

    def stop_all(self) -> None:
        """Cancel what anybody has running."""
        for job in list(self._jobs):
            job.cancel()

    def wait_for_model(self) -> tuple[Any, ...]:
        """Wait until the model is there; say which one it is and what its own settings are."""
        try:
            source = self.engine.load()
        except InputError as error:
            others = [gr.skip()] * 5
            return f"**No model.** {error}", *others, gr.Button("No model", interactive=False)
        config = self.engine.pipeline.config
        takes_loras = self.engine.pipeline.unet.config.cross_attention_dim == LORA_TEXT_WIDTH
        return (
            f"Model: **{source.name}**, {config.default_width}×{config.default_height} pixels. {source.note}",
            gr.Slider(info=f"{OWN}, {config.default_num_inference_steps}"),
            gr.Slider(info=f"{OWN}, {config.default_guidance_scale:g}"),
            gr.Number(info=f"{OWN}, {config.default_width}"),
            gr.Number(info=f"{OWN}, {config.default_height}"),
            gr.Accordion(visible=takes_loras),
            gr.Button("Generate", interactive=True),
        )


def describe(video: str | None, frames: int | None, stride: int | None, start: int | None) -> str:
    """What an uploaded video is, and how many of its frames can be used."""
    if not video or frames is None or stride is None:
        return ""
    try:
        info = probe(video)
    except InputError as error:
        return f"⚠ {error}"
    count = info.frame_count
    text = f"{count} frames at {info.fps:.4g} a second, {info.width}×{info.height}."
    available = count - 1 - (start or 0)
    if available < 0:
        return f"{text} ⚠ Start at frame {count - 1} or earlier."
    if frames == 1:
        return f"{text} One frame fits, at any stride."
    widest = available // max(frames - 1, 1)
    if widest == 0:
        return f"{text} ⚠ Too short for {frames} frames; take at most {available + 1}, at stride 1."
    fits = "" if (frames - 1) * stride <= available else "⚠ "
    most = available // stride + 1
    return (
        f"{text} {fits}At stride {stride}, {'only one frame fits' if most == 1 else f'up to {most} frames fit'};"
        f" {frames} frames fit up to stride {widest}."
    )


def fit_weights(files: list[str] | None, before: list[str], *weights: float) -> tuple[Any, ...]:
    """A slider for each LoRA, named by its file; those that were there before keep their weight.

    Args:
        before: names of the files that the weights are of.
    """
    names = [Path(file).stem for file in files or []][:MOST_LORAS]
    known = dict(zip(before, weights))
    shown = [gr.Slider(label=f"Weight of {name}", value=known.get(name, 1), visible=True) for name in names]
    return names, *shown, *[gr.Slider(value=1, visible=False)] * (MOST_LORAS - len(names))


def _report(show: gr.Progress, progress: Progress) -> None:
    left = f", {progress.seconds_left:.0f} s left" if progress.seconds_left else ""
    show((progress.step, progress.total), desc=f"{PHASE_NAMES[progress.phase]}{left}")


def _summary(result: GenerationResult) -> str:
    """One line on how the result came about, then what the user should know."""
    request = result.request
    facts = [
        f"Seed **{request.seed}**",
        f"{request.steps} steps",
        f"guidance {request.guidance:g}",
        str(result.model["model"]),
        *([f"pose: {result.guide.estimator}"] if result.guide.estimator else []),
        f"{sum(result.seconds.values()):.1f} s",
    ]
    return "\n\n".join([" · ".join(facts), *(f"⚠ {html.escape(notice)}" for notice in result.notices)])


def _by_name(message: str, files: list[str]) -> str:
    """A message in which uploads go by their names: where they lie is of no use to the user."""
    for file in files:
        message = message.replace(file, Path(file).name)
    return message


def _shown(message: str) -> gr.Error:
    return gr.Error(html.escape(message), print_exception=False)
