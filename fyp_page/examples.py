"""The examples of the page: inputs, and results stored with them, which are shown at once."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from fyp_media.files import project_file

FOLDER = "pose_example"
"""Holds the inputs, ``index.json`` and ``results``; made by ``scripts/render_page_examples.py``."""


@dataclass(frozen=True)
class Example:
    """An input and a result of it.

    title: a few words on the motion.
    settings: those that differ from a request's defaults, such as frames, stride, aspect and seed.
    video, skeleton, result: the input, what the result follows, and the result; the input of kind ``skeleton`` is its
        own skeleton video.
    poster: a JPEG of the result's middle frame.
    """

    name: str
    title: str
    kind: Literal["raw", "skeleton"]
    prompt: str
    settings: dict[str, Any]
    video: Path
    skeleton: Path
    result: Path
    poster: Path


@cache
def examples() -> tuple[Example, ...]:
    """All examples, in the order of the index."""
    folder = project_file(FOLDER)
    return tuple(
        _example(folder, **entry) for entry in json.loads((folder / "index.json").read_text("utf-8"))
    )


def _example(folder: Path, name: str, kind: Literal["raw", "skeleton"], **texts: Any) -> Example:
    results = folder / "results"
    video = folder / f"{name}.mp4"
    return Example(
        name,
        kind=kind,
        video=video,
        skeleton=results / f"{name}_skeleton.mp4" if kind == "raw" else video,
        result=results / f"{name}.mp4",
        poster=results / f"{name}.jpg",
        **texts,
    )
