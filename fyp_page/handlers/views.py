"""Runs and results as HTML."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

import numpy as np
from PIL import Image

from fyp_core.generation.job import PHASE_NAMES
from fyp_page.runs import Result, Run

_PARTS = {"source": "Source", "skeleton": "Skeleton", "result": "Result"}
DOWNLOADS = {
    "result": "Video",
    "gif": "GIF",
    "comparison": "Side by side",
    "skeleton": "Skeleton",
    "keypoints": "Keypoints",
    "frames": "Frames",
}
_LARGEST_PREVIEW = 640  # pixels

LOST = '<div class="status failed" role="alert">⚠ Your last video was not finished: the server was started again.</div>'


def status(run: Run) -> str:
    """The progress of a run: place in the queue, phase, seconds left; or why it ended."""
    if run.state == "failed":
        return f'<div class="status failed" role="alert">⚠ {html.escape(run.message)}</div>'
    if run.state == "stopped":
        return f'<div class="status">Stopped. {html.escape(run.message)}</div>'
    if run.state == "finished":
        return ""
    number = len(run.results) + 1
    several = f"Video {number} of {len(run.requests)}: " if len(run.requests) > 1 else ""
    text, done = "Starting", 0.0
    if progress := run.job.progress:
        text, done = PHASE_NAMES[progress.phase], progress.fraction
        if progress.phase == "wait":
            text = f"In the queue, {progress.total - progress.step} before you"
        elif progress.seconds_left and progress.phase != "write":  # files take very different times
            text = f"{text}, about {duration(progress.seconds_left)} left"
    return (
        f'<div class="status" role="status">{several}{text} …'
        f'<div class="bar"><i style="width:{100 * done:.0f}%"></i></div></div>{notices(run.notices)}'
    )


def estimate(seconds: float, videos: int, others: int) -> str:
    """The time from Generate to the last frame.

    Args:
        others: jobs at work.
    """
    several = f" for {videos} videos" if videos > 1 else ""
    queue = f" once {others} other {'job has' if others == 1 else 'jobs have'} ended" if others else ""
    return f"Takes about {duration(seconds)}{several}{queue}."


def duration(seconds: float) -> str:
    """A time, rounded as estimates deserve: ``8 s``, ``5 min``, ``2.5 h``."""
    if seconds < 100:
        return f"{max(1, round(seconds))}\u00a0s"
    return f"{seconds / 60:.0f}\u00a0min" if seconds < 100 * 60 else f"{seconds / 3600:.1f}\u00a0h"


def preview(frames: np.ndarray) -> str:
    """Unfinished frames, (n, h, w, 3) uint8 RGB, side by side."""
    sheet = Image.fromarray(np.concatenate(list(frames[:4]), axis=1))
    scale = _LARGEST_PREVIEW / sheet.width
    sheet = sheet.resize((_LARGEST_PREVIEW, max(1, round(sheet.height * scale))), Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    sheet.save(buffer, "WEBP", quality=80)
    data = base64.b64encode(buffer.getvalue()).decode()
    return (
        f'<div class="compare"><figure class="only"><img alt="Preview of the video"'
        f' src="data:image/webp;base64,{data}"><figcaption>Preview</figcaption></figure></div>'
    )


def comparison(files: Mapping[str, str | Path]) -> str:
    """Synchronised videos of one size, the result first; the sound button is shown for videos with sound."""
    figures = []
    for kind, title in _PARTS.items():
        if kind in files:
            main = ' class="main"' if kind == "result" else ""
            figures.append(
                f'<figure{main}><video id="{kind}" src="{file_url(files[kind])}" muted loop playsinline'
                f' preload="auto" aria-label="{title}"></video><figcaption>{title}</figcaption></figure>'
            )
    bar = (
        '<div class="playbar"><button type="button" aria-label="Play">▶</button>'
        '<button type="button" aria-pressed="false" hidden>Sound off</button>'
        '<input type="range" min="0" max="1000" value="0" aria-label="Position in the video"></div>'
    )
    return f'<div class="compare">{"".join(figures[-1:] + figures[:-1])}{bar}</div>'


def introduction(files: Mapping[str, str | Path]) -> str:
    """Example videos that show what the page does."""
    figures = "".join(
        f'<figure><video src="{file_url(files[kind])}" muted loop playsinline preload="auto"'
        f' aria-label="{title}"></video><figcaption>{title}</figcaption></figure>'
        for kind, title in _PARTS.items()
        if kind in files
    )
    return f'<div class="compare equal">{figures}</div>'


def result_html(result: Result) -> str:
    """A result: synchronised videos, downloads, settings."""
    return comparison(result.files) + downloads(result.files) + facts(result)


def downloads(files: Mapping[str, str | Path]) -> str:
    """Links to the files of a result."""
    links = "".join(
        f'<a href="{file_url(files[kind])}" download="{kind}{Path(files[kind]).suffix}">{title}</a>'
        for kind, title in DOWNLOADS.items()
        if kind in files
    )
    return f'<div class="downloads" role="group" aria-label="Downloads">{links}</div>'


def facts(result: Result) -> str:
    """A line with the main settings of a result, then its notices."""
    settings = result.settings
    parts = [
        f"Seed <b>{settings['seed']}</b>",
        f"{settings['steps']} steps",
        f"guidance {settings['guidance']:g}",
        html.escape(str(settings["model"])),
        *([f"pose: {html.escape(settings['estimator'])}"] if settings.get("estimator") else []),
        *([f"made in {duration(sum(result.phases.values()))}"] if result.phases else []),
    ]
    return (
        f'<div id="summary">{caption(result.prompt)}<p class="facts">{" · ".join(parts)}</p>'
        f"{notices(result.notices)}</div>"
    )


def notices(sentences: Sequence[str]) -> str:
    """Notices as a list; empty where there are none."""
    items = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in sentences)
    return f'<ul class="notices" aria-label="Notices">{items}</ul>' if items else ""


def caption(prompt: str) -> str:
    """The prompt of a video."""
    return f'<p class="facts">“{html.escape(prompt)}”</p>'


def file_url(path: str | Path) -> str:
    """The URL of a served file."""
    return f"gradio_api/file={quote(str(path))}"
