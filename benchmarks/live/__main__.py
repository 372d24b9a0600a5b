"""How fast, how late and how steady a live stream is, and whether it follows: `python -m benchmarks.live`.

    python -m benchmarks.live --video VIDEO [--seconds 120] [--steps N] [--output live.json]

A video file is played in real time as if it were a camera, over and over: pictures a second, latency, the processor's
time a picture, memory, and in how many pictures the judge sees the character and the scene of the prompt. Without a
video file, renders of the procedural world stand in front of the camera, every frame of them: how many joints (PCK@0.1
and PCK@0.05) are where those of the render are. Other programs make the first part slower and later.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from benchmarks.gpu.tables import as_markdown
from benchmarks.quality import THRESHOLDS
from fyp_core.cli.live import leave_a_core
from fyp_core.evaluation import world_cases
from fyp_core.evaluation.cases import PAIRS, Case
from fyp_core.evaluation.scoring import measures
from fyp_core.evaluation.scoring.judges import Judges
from fyp_core.generation.engine import Engine
from fyp_core.live.session import LiveFrame, LiveSession, open_session
from fyp_core.live.settings import LiveSettings
from fyp_core.weights.checkpoints import bundled
from fyp_media.contact_sheet import save_sheet
from fyp_media.decoding.camera import played_frames

CHARACTER, SCENE = "robot", "beach"
_RENDER_FPS = 6.0  # of the clips that are judged
_WARM_UP = 10.0  # seconds before memory is measured
_JUDGED_EVERY = 1.0  # seconds between two pictures that are judged
_MIB = 2**20


def watch(session: LiveSession, seconds: float) -> tuple[dict[str, Any], list[LiveFrame]]:
    """The figures of a session in real time, and a frame a second."""
    process = psutil.Process()
    kept: list[LiveFrame] = []
    memory: list[float] = []
    work = time.process_time()
    with session:
        for frame in session:
            if session.seconds >= len(kept) * _JUDGED_EVERY:
                kept.append(frame)
                if session.seconds >= min(_WARM_UP, seconds / 2):
                    memory.append(process.memory_info().rss / _MIB)
            if session.seconds >= seconds:
                break
    figures = {
        "steps": session.steps,
        **asdict(session.report),
        "CPU s/picture": (time.process_time() - work) / session.report.frames,
        "memory at start, MiB": memory[0],
        "memory at end, MiB": memory[-1],
    }
    return figures, kept


def judge_look(judges: Judges, frames: list[LiveFrame]) -> dict[str, float]:
    """Share of the frames with somebody in which the judge sees the character and the scene of the prompt."""
    seen = [_look(judges, frame) for frame in frames if np.isfinite(frame.pose.joints).any()]
    characters, scenes = zip(*seen)
    return {
        "character": float(np.mean([CHARACTER in names for names in characters])),
        "scene": float(np.mean([scene == SCENE for scene in scenes])),
    }


def _look(judges: Judges, frame: LiveFrame) -> tuple[tuple[str, ...], str]:
    joints = frame.pose.joints[None]
    visible = np.isfinite(joints).all(axis=-1)
    return judges.classify(frame.picture[None], np.nan_to_num(joints), visible)


def follow_renders(engine: Engine, judges: Judges, clips: int, steps: int) -> dict[str, float]:
    """PCK of the pictures against where the joints of the render are."""
    size = engine.default_size.height
    rows = []
    for case in (case for pairs in PAIRS for case in world_cases(pairs, clips, 24, size)):
        settings = LiveSettings(prompt=case.prompt, steps=steps, estimator="mediapipe")
        with open_session(engine, settings, _frames_of(case), steady_fps=_RENDER_FPS) as session:
            rows.append(_correct(list(session), case, judges))
    return {name: float(np.mean([row[name] for row in rows])) for name in THRESHOLDS}


def _frames_of(case: Case) -> Iterator[np.ndarray]:
    assert case.frames is not None
    yield from case.frames


def _correct(shown: list[LiveFrame], case: Case, judges: Judges) -> dict[str, float]:
    if not shown:  # nobody was found
        return dict.fromkeys(THRESHOLDS, 0.0)
    numbers = [frame.pose.number for frame in shown]
    asked = np.stack([frame.pose.window.map_points(case.keypoints[frame.pose.number]) for frame in shown])
    visible = case.visible[numbers]
    points, _ = judges.find_joints(np.stack([frame.picture for frame in shown]), asked, visible)
    return {
        name: measures.correct_keypoints_of_people(points, asked, visible, threshold)
        for name, threshold in THRESHOLDS.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", default="mini")
    parser.add_argument("--video", type=Path, help="played as camera; without: renders")
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--steps", type=int, default=LiveSettings.model_fields["steps"].default)
    parser.add_argument("--clips", type=int, default=6, help="of renders, of each kind of pair")
    parser.add_argument(
        "--output", type=Path, help="JSON to write; Markdown and a contact sheet go beside it"
    )
    options = parser.parse_args()
    engine = Engine(options.model)
    engine.load()
    leave_a_core()
    judges = Judges.load(bundled("judges"))
    if options.video:
        settings = LiveSettings(
            prompt=f"a {CHARACTER} on the {SCENE}", steps=options.steps, estimator="mediapipe"
        )
        session = open_session(engine, settings, played_frames(options.video, repeat=True))
        row, frames = watch(session, options.seconds)
        row |= judge_look(judges, frames)
        if options.output:
            spread = np.linspace(0, len(frames) - 1, 24).astype(int)
            pictures = np.stack([frames[number].picture for number in spread])
            save_sheet(options.output.with_suffix(".png"), list(pictures.reshape(3, 8, *pictures.shape[1:])))
    else:
        row = follow_renders(engine, judges, options.clips, options.steps)
    print(json.dumps(row))
    if options.output:
        options.output.write_text(json.dumps(row, indent=1))
        options.output.with_suffix(".md").write_text(as_markdown([row]))


if __name__ == "__main__":
    main()
