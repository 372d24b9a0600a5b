"""Decoding in a process of its own, so that a crash of FFmpeg or a malicious file becomes an error message.

The processes exchange messages over a pipe. They are JSON, so that a decoder that a file has taken over cannot make the
other process run code; frames and sound follow their messages as raw bytes.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from fyp_media.decoding.video import Sampling, Video, VideoInfo
from fyp_media.decoding.video_file import VideoFile
from fyp_media.errors import InputError, first_line
from fyp_media.read_video import open_videos_with

_POLL_SECONDS = 0.05  # between two checks whether the reading was cancelled
_EXIT_SECONDS = 5.0  # that a process whose pipe is closed has to end
_LONGEST_MESSAGE = 10_000  # bytes
_TYPES: dict[str, np.dtype] = {  # of what a method yields
    "frames": np.dtype(np.uint8),
    "sampled": np.dtype(np.uint8),
    "sound": np.dtype(np.float32),
}
_WITHOUT_FORK = "spawn"  # how processes start where they cannot be forked, as on Windows
# Bytes of the temporary folder's path: the fork server's socket is in it, and its path has at most 108.
_LONGEST_FOLDER = 64


@dataclass(frozen=True)
class DecodingLimits:
    """What decoding one video may take.

    memory: bytes beyond what the process has when it starts; only systems with RLIMIT_AS enforce it.
    cpu_seconds: of all its threads together; likewise.
    answer_seconds: until the next frame.
    """

    memory: int = 1 << 30
    cpu_seconds: int = 300
    answer_seconds: float = 60


def isolate_decoding(limits: DecodingLimits) -> None:
    """From now on, decode all videos of this process in processes of their own.

    They start as multiprocessing's do: the program's main module must do nothing when it is imported.
    """
    open_videos_with(partial(IsolatedVideo, limits=limits))


class IsolatedVideo(Video):
    """A video that is decoded in a process of its own, which ends with it.

    Args:
        path: of the file.
        limits: that are kept.

    Raises:
        InputError: see :func:`fyp_media.read_video.open_video`; or a limit is reached, or the process died.
    """

    def __init__(self, path: str | os.PathLike[str], limits: DecodingLimits) -> None:
        self.name = Path(path).name
        self._path = str(path)  # of a subclass of str, the process would import the library
        self._limits = limits
        self._decoder: _Decoder | None = None
        self.info = VideoInfo(**self._started().info)

    def close(self) -> None:
        if self._decoder:
            self._decoder.end()
            self._decoder = None

    def frames(
        self,
        *,
        fps: float | None = None,
        longest_side: int | None = None,
    ) -> Iterator[np.ndarray]:
        return self._read("frames", {"fps": fps, "longest_side": longest_side}, None)

    def sampled(
        self,
        sampling: Sampling,
        on_decoded: Callable[[], None] | None = None,
    ) -> Iterator[np.ndarray]:
        self.check_sampling(sampling)
        settings = {"sampling": asdict(sampling)}
        self._started().ask("check", "sampled", settings)
        return self._read("sampled", settings, on_decoded)

    def sound(self, start: float, duration: float) -> Iterator[np.ndarray]:
        return self._read("sound", {"start": start, "duration": duration}, None)

    def _started(self) -> _Decoder:
        if self._decoder is None:
            self._decoder = _Decoder(self._path, self._limits)
        return self._decoder

    def _read(
        self, method: str, settings: dict[str, Any], on_decoded: Callable[[], None] | None
    ) -> Iterator[np.ndarray]:
        is_whole = False
        try:
            decoder = self._started()
            answer = decoder.ask("read", method, settings, on_decoded)
            while "shape" in answer:
                yield decoder.array(answer["shape"], _TYPES[method])
                answer = decoder.answer(on_decoded)
            is_whole = True
        finally:
            if not is_whole:  # it may be in the middle of a frame; the next reading starts another process
                self.close()


class _Decoder:
    """The process, as seen from the one that asks it."""

    def __init__(self, path: str, limits: DecodingLimits) -> None:
        self._name = Path(path).name
        self._answer_seconds = limits.answer_seconds
        context = _context()
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, path, asdict(limits)), daemon=True)
        self._process.start()
        theirs.close()
        try:
            self.info: dict[str, Any] = self.answer()
        except BaseException:
            self.end()
            raise

    def ask(
        self,
        task: str,
        method: str,
        settings: dict[str, Any],
        on_decoded: Callable[[], None] | None = None,
    ) -> dict[str, Any]:
        with self._death_as_input_error():
            self._pipe.send_bytes(json.dumps([task, method, settings]).encode())
        return self.answer(on_decoded)

    def answer(self, while_waiting: Callable[[], None] | None = None) -> dict[str, Any]:
        """The next message.

        Raises:
            InputError: it is an error, comes too late, or the process has died.
        """
        deadline = time.monotonic() + self._answer_seconds
        with self._death_as_input_error():
            while True:
                if while_waiting:
                    while_waiting()
                if self._pipe.poll(min(_POLL_SECONDS, self._answer_seconds)):
                    break
                if time.monotonic() > deadline:
                    raise InputError(_too_slow(self._name))
            message = json.loads(self._pipe.recv_bytes(_LONGEST_MESSAGE))
        if "error" in message:
            raise InputError(message["error"])
        return message

    def array(self, shape: list[int], dtype: np.dtype) -> np.ndarray:
        array = np.empty(shape, dtype)
        with self._death_as_input_error():
            self._pipe.recv_bytes_into(array.data.cast("B"))
        return array

    def end(self) -> None:
        """Kill the process: its results are not needed any more, and it has nothing to clean up."""
        self._pipe.close()
        self._process.kill()
        self._process.join()
        self._process.close()

    @contextlib.contextmanager
    def _death_as_input_error(self) -> Iterator[None]:
        try:
            yield
        except (EOFError, BrokenPipeError, ConnectionResetError) as error:
            self._process.join(_EXIT_SECONDS)
            if self._process.exitcode == -getattr(signal, "SIGXCPU", 0):
                raise InputError(_too_slow(self._name)) from error
            raise InputError(
                f"{self._name} makes the video decoder crash; export it again as MP4."
            ) from error


def _context() -> Any:
    """Forks of a small process with one thread, where possible: they start in some hundredths of a second."""
    is_too_long = len(os.fsencode(tempfile.gettempdir())) > _LONGEST_FOLDER
    if is_too_long or "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context(_WITHOUT_FORK)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


# --- in the process that decodes


def _serve(pipe: Connection, path: str, limits: dict[str, Any]) -> None:
    """Send the facts about the video, then answer requests until the other process closes the pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the other process handles Ctrl-C
    _limit_this_process(DecodingLimits(**limits))
    name = Path(path).name
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        try:
            with VideoFile(path) as video:
                _send(pipe, asdict(video.info))
                while True:
                    _do(video, pipe, *json.loads(pipe.recv_bytes()))
        except InputError as error:
            _send(pipe, {"error": str(error)})
        except MemoryError:
            _send(pipe, {"error": f"{name} takes too much memory to decode; make its picture smaller."})
        except (EOFError, BrokenPipeError, ConnectionResetError):
            raise
        except Exception as error:
            _send(pipe, {"error": f"{name} cannot be decoded ({first_line(error)}); export it again as MP4."})


def _do(video: Video, pipe: Connection, task: str, method: str, settings: dict[str, Any]) -> None:
    if "sampling" in settings:
        wanted = settings["sampling"]
        settings["sampling"] = Sampling(**wanted | {"crop": tuple(wanted["crop"])})
    try:
        arrays = getattr(video, method)(**settings)
    except InputError as error:
        _send(pipe, {"error": str(error)})
        return
    if task == "read":
        for array in arrays:
            _send(pipe, {"shape": array.shape})
            pipe.send_bytes(np.ascontiguousarray(array).data.cast("B"))
    _send(pipe, {})


def _send(pipe: Connection, message: dict[str, Any]) -> None:
    pipe.send_bytes(json.dumps(message).encode())


def _limit_this_process(limits: DecodingLimits) -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    import psutil

    memory = psutil.Process().memory_info().vms + limits.memory
    with contextlib.suppress(OSError, ValueError):  # macOS does not know all of them
        resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_seconds, limits.cpu_seconds + 1))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def _too_slow(name: str) -> str:
    return f"{name} takes too long to decode; make it shorter or its picture smaller."
