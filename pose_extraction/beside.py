"""MediaPipe in a process of its own, which starts and computes beside this one: both are long, and Python's own part of
an estimate would wait for what else this process computes.

The processes exchange lines of JSON and raw bytes over the standard streams of the other one.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from io import BufferedReader
from typing import IO, Any, cast

import numpy as np

from fyp_media.errors import InputError
from pose_extraction.poses import FramePoses, PoseEstimator

_PROGRAM = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]);"
    " from pose_extraction.beside import serve; serve()"
)


class ProcessEstimator:
    """MediaPipe for videos, several at once; its process ends with this one, and is started again where it died."""

    name = "mediapipe"

    def __init__(self) -> None:
        self._asking = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = itertools.count()
        self._start()

    def estimate(self, frames: Iterable[np.ndarray]) -> Iterator[FramePoses]:
        """See ``PoseEstimator.estimate``; scores are MediaPipe's visibility.

        Raises:
            InputError: the process has died, or MediaPipe has failed.
        """
        video = next(self._numbers)
        process = self._start()
        try:
            for frame in frames:
                yield self._ask(process, video, frame)
        finally:
            self._forget(process, video)

    def _start(self) -> subprocess.Popen[bytes]:
        with self._asking:
            if self._process is None or self._process.poll() is not None:
                self._process = subprocess.Popen(
                    [sys.executable, "-c", _PROGRAM, json.dumps(sys.path)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                )
            return self._process

    def _ask(self, process: subprocess.Popen[bytes], video: int, frame: np.ndarray) -> FramePoses:
        sent, received = _streams(process)
        try:
            with self._asking:
                _send(sent, {"video": video, "shape": frame.shape}, frame)
                answer = _read_message(received)
                if "error" in answer:
                    raise InputError(f"MediaPipe has failed ({answer['error']}); try another estimator.")
                people = answer["people"]
                joints = _read_array(received, (people, 17, 3), np.float32)
        except (OSError, EOFError) as error:
            _end(process)
            raise InputError(
                "The process that finds poses has ended, perhaps for lack of memory; try again."
            ) from error
        return FramePoses(joints[..., :2].copy(), joints[..., 2].copy())

    def _forget(self, process: subprocess.Popen[bytes], video: int) -> None:
        """Let the process free what it keeps for a video."""
        try:
            with self._asking:
                _send(_streams(process)[0], {"video": video})
        except OSError:  # it has died
            _end(process)


def create(weights: str | None, stills: bool) -> PoseEstimator:
    """MediaPipe with its own weights; for stills in this process.

    Raises:
        InputError: others are named.
    """
    if weights or stills:
        from pose_extraction.estimators import mediapipe

        return mediapipe.create(weights, stills)
    return ProcessEstimator()


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


def _streams(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    assert process.stdin is not None and process.stdout is not None
    return process.stdin, process.stdout


def _send(stream: IO[bytes], message: dict[str, Any], array: np.ndarray | None = None) -> None:
    stream.write(json.dumps(message).encode() + b"\n")
    if array is not None and array.size:
        stream.write(np.ascontiguousarray(array).data.cast("B"))
    stream.flush()


def _read_message(stream: IO[bytes]) -> dict[str, Any]:
    line = stream.readline()
    if not line:
        raise EOFError
    return json.loads(line)


def _read_array(stream: IO[bytes], shape: Iterable[int], dtype: type) -> np.ndarray:
    array: np.ndarray = np.empty(tuple(shape), dtype)
    if array.size:
        whole = array.data.cast("B")
        if cast(BufferedReader, stream).readinto(whole) < len(whole):
            raise EOFError
    return array


# --- in the process that estimates


def serve() -> None:
    """Answer on the standard output what is asked on the standard input, until that is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the other process handles Ctrl-C
    asked = sys.stdin.buffer
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print is no answer
    videos = _Videos()
    try:
        while True:
            message = _read_message(asked)
            if "shape" not in message:
                videos.forget(message["video"])
                continue
            frame = _read_array(asked, message["shape"], np.uint8)
            try:
                poses = videos.estimate(message["video"], frame)
            except Exception as error:
                _send(answers, {"error": f"{type(error).__name__}: {error}"})
                continue
            joints = np.concatenate([poses.keypoints, poses.scores[..., None]], axis=-1).astype(np.float32)
            _send(answers, {"people": len(joints)}, joints)
    except (EOFError, OSError):
        os._exit(0)  # the other process has ended


class _Videos:
    """Estimates of several videos by their numbers, frame by frame."""

    def __init__(self) -> None:
        from pose_extraction.estimators.mediapipe import MediaPipeEstimator

        self._estimator = MediaPipeEstimator()
        self._frames: dict[int, list[np.ndarray]] = {}
        self._poses: dict[int, Iterator[FramePoses]] = {}

    def estimate(self, video: int, frame: np.ndarray) -> FramePoses:
        """The poses of the next frame of a video."""
        if video not in self._poses:
            waiting = self._frames[video] = []
            self._poses[video] = self._estimator.estimate(_taken(waiting))
        self._frames[video].append(frame)
        return next(self._poses[video])

    def forget(self, video: int) -> None:
        """A video has ended."""
        self._frames.pop(video, None)
        self._poses.pop(video, None)


def _taken(waiting: list[np.ndarray]) -> Iterator[np.ndarray]:
    """Frames, each of which is put there before it is asked for."""
    while True:
        yield waiting.pop()
