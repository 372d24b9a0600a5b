"""``fyp live``: a character that follows a camera in real time."""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from typing import TYPE_CHECKING

from fyp_core.cli.options import add_setting_options, given_settings
from fyp_core.cli.signals import sigterm_as_interrupt
from fyp_core.generation.device import Runtime
from fyp_core.live.settings import LiveSettings
from fyp_core.weights.sources import AUTO, MODEL_NAMES
from fyp_media.errors import InputError
from fyp_media.read_video import probe
from fyp_media.write_video import video_writer

if TYPE_CHECKING:
    import numpy as np

    from fyp_core.live.session import LiveFrame

Show = Callable[["LiveFrame"], bool]
"""Shows a frame; False when the viewer has closed the window."""

_PORT = 7870
_RECORDED_FPS = 25  # of a file; between two pictures the earlier one is repeated
_ENDING_KEYS = (ord("q"), 27)  # 27 is Escape
_WINDOW = "Follow Your Pose"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    add = parser.add_argument
    add(
        "--input",
        default="0",
        metavar="CAMERA|VIDEO",
        help="number of a camera, or a video file that is played as if it were one; default: 0, the first camera",
    )
    add("--model", default=AUTO, help=f"{', '.join(MODEL_NAMES)}, a folder or a hub id; default: {AUTO}")
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--output", metavar="FILE", help="write a video, .mp4, instead of showing it")
    output.add_argument(
        "--port",
        type=int,
        metavar="N",
        help=f"show it in the browser, on this port of this machine; default: a window, or without a display {_PORT}",
    )
    add("--seconds", type=float, metavar="S", help="end after this time; until then a video file is repeated")
    add(
        "--every-frame",
        action="store_true",
        help="of a video file: use every frame, however long that takes, instead of playing it in real time",
    )
    add_setting_options(parser, LiveSettings, Runtime)
    parser.set_defaults(run=live)


def live(options: argparse.Namespace) -> None:
    """Show or write the stream until its end, Ctrl-C or SIGTERM; then print how fast it was.

    Raises:
        InputError: a setting cannot work, the source cannot be read, or nobody was seen in it.
    """
    settings = LiveSettings(**given_settings(options, LiveSettings))
    if options.seconds is not None and not options.seconds > 0:
        raise InputError(f"--seconds is {options.seconds:g}, but must be above 0.")
    frames = _open_source(options)
    fps = probe(options.input).fps if options.every_frame else None
    with _output(options, fps) as show:
        from fyp_core.generation.engine import Engine
        from fyp_core.live.session import open_session

        engine = Engine(options.model, runtime=Runtime(**given_settings(options, Runtime)))
        if note := engine.load().note:
            print(note, file=sys.stderr)
        leave_a_core()
        session = open_session(engine, settings, frames, steady_fps=fps)
        # Ctrl-C and SIGTERM end the stream, not the program.
        with session, suppress(KeyboardInterrupt), sigterm_as_interrupt():
            for frame in session:
                if not show(frame) or session.seconds >= (options.seconds or math.inf):
                    break
        if not session.report.frames:
            raise InputError("Nobody was seen; show a whole person, not too small.")
    report = {"model": engine.model_name, "steps": session.steps, **asdict(session.report)}
    if not options.json:
        delay = "" if options.every_frame else ", {latency:.3f} s late (95 %: {latency_95:.3f} s)"
        print(("{frames} frames, {fps:g} a second" + delay).format(**report))
    else:
        print(json.dumps(report))


def _open_source(options: argparse.Namespace) -> Iterator[np.ndarray]:
    """Frames of a camera by number, or of a video file.

    Raises:
        InputError: there is no such camera or file.
    """
    from fyp_media.decoding.camera import camera_frames, played_frames

    if not options.input.isdecimal():
        repeat = options.seconds is not None
        return played_frames(options.input, real_time=not options.every_frame, repeat=repeat)
    if options.every_frame:
        raise InputError("A camera cannot be paused: use --every-frame with a video file only.")
    return camera_frames(int(options.input))


def leave_a_core() -> None:
    """Leave one core to pose estimation and decoding, which run beside the denoising network."""
    import torch

    torch.set_num_threads(max(1, torch.get_num_threads() - 1))


# --- outputs


@contextmanager
def _output(options: argparse.Namespace, fps: float | None) -> Iterator[Show]:
    if options.output is not None and fps is not None:
        with _recording_each(options.output, fps) as show:
            yield show
    elif options.output is not None:
        with _recording(options.output) as show:
            yield show
    elif options.port is not None or not _has_display():
        with _serving(_PORT if options.port is None else options.port) as show:
            yield show
    else:
        with _window() as show:
            yield show


def _has_display() -> bool:
    return sys.platform in ("win32", "darwin") or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))


@contextmanager
def _recording_each(file: str, fps: float) -> Iterator[Show]:
    with video_writer(file, fps) as write:

        def show(frame: LiveFrame) -> bool:
            write(frame.picture)
            return True

        yield show


@contextmanager
def _recording(file: str) -> Iterator[Show]:
    """Each picture lasts in the file as long as it would have been shown."""
    start: float | None = None
    written = 0

    with video_writer(file, _RECORDED_FPS) as write:

        def show(frame: LiveFrame) -> bool:
            nonlocal start, written
            start = frame.pose.taken if start is None else start
            until = max(written + 1, round((frame.pose.taken - start) * _RECORDED_FPS))
            for _ in range(written, until):
                write(frame.picture)
            written = until
            return True

        yield show


@contextmanager
def _serving(port: int) -> Iterator[Show]:
    from fyp_core.live.mjpeg import MjpegServer

    with MjpegServer(port) as server:
        print(f"Open {server.address} in a browser; Ctrl-C ends it.", file=sys.stderr, flush=True)

        def show(frame: LiveFrame) -> bool:
            server.show(frame.picture)
            return True

        yield show


@contextmanager
def _window() -> Iterator[Show]:
    import cv2

    cv2.namedWindow(_WINDOW, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO)

    def show(frame: LiveFrame) -> bool:
        cv2.imshow(_WINDOW, cv2.cvtColor(frame.picture, cv2.COLOR_RGB2BGR))
        pressed = cv2.waitKey(1) & 0xFF
        return pressed not in _ENDING_KEYS and cv2.getWindowProperty(_WINDOW, cv2.WND_PROP_VISIBLE) > 0

    try:
        yield show
    finally:
        cv2.destroyAllWindows()
