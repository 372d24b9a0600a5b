"""A stream from the camera to the picture: four stages in overlapping threads.

    camera ──► poses and skeleton ──► denoise ──► decode ──► iterate over the session

Each stage hands one item at most to the next. A stage that is too slow gets the latest of what the one before has made,
so that the delay stays bounded.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, TypeVar

import numpy as np
import torch

from fyp_core.live.denoiser import StreamDenoiser
from fyp_core.live.mailbox import Mailbox
from fyp_core.live.performer import SkeletonStream
from fyp_core.live.settings import LiveSettings
from fyp_core.pipeline import FollowYourPosePipeline
from pose_extraction.estimators.factory import choose_estimator

T = TypeVar("T")

_MEASURED = 10_000  # latencies kept
_JOIN_SECONDS = 5.0


@dataclass(frozen=True)
class LiveFrame:
    """A finished frame.

    taken: when the camera's frame was taken, in seconds of :func:`time.perf_counter`.
    skeleton, picture: (H, W, 3) uint8 RGB.
    """

    taken: float
    skeleton: np.ndarray
    picture: np.ndarray


@dataclass(frozen=True)
class LiveReport:
    """What a session has made.

    frames: number of pictures.
    seconds: from the first picture to the last.
    fps: pictures a second.
    latency, latency_95: seconds from the camera's frame to its picture: median, and what 95 % stay below.
    """

    frames: int
    seconds: float
    fps: float
    latency: float
    latency_95: float


class LiveSession:
    """Turns camera frames into pictures of the character; iterate over it, once, within ``with``.

    Args:
        pipeline: the model, which stays as it is.
        settings: of the stream.
        frames: (H, W, 3) uint8 RGB, given when they are taken; read by a thread.
        every_frame: none is dropped: the source waits until the slowest stage is ready.

    Raises:
        InputError: a setting cannot work.
    """

    def __init__(
        self,
        pipeline: FollowYourPosePipeline,
        settings: LiveSettings,
        frames: Iterable[np.ndarray],
        *,
        every_frame: bool = False,
    ) -> None:
        estimator, _ = choose_estimator(settings.estimator)
        self._pipeline = pipeline
        self._denoiser = StreamDenoiser(pipeline, settings.prompt, settings.steps, settings.seed)
        skeletons = SkeletonStream(estimator, self._denoiser.size)
        self._taken: Mailbox[tuple[float, np.ndarray]] = Mailbox(latest_only=not every_frame)
        self._skeletons: Mailbox[tuple[float, np.ndarray]] = Mailbox(latest_only=False)
        self._latents: Mailbox[tuple[float, np.ndarray, torch.Tensor]] = Mailbox(latest_only=False)
        self._finished: Mailbox[LiveFrame] = Mailbox(latest_only=not every_frame)
        self._boxes: list[Mailbox[Any]] = [self._taken, self._skeletons, self._latents, self._finished]
        self._error: BaseException | None = None
        self._latencies: deque[float] = deque(maxlen=_MEASURED)
        self._times = (0.0, 0.0)  # of the first and the last picture
        self._count = 0
        self._threads = [
            self._stage("camera", lambda: _stamped(frames), self._taken),
            self._stage("poses", lambda: skeletons.draw(self._when_needed()), self._skeletons),
            self._stage("denoise", self._denoise, self._latents),
            self._stage("decode", self._decode, self._finished),
        ]

    def __enter__(self) -> LiveSession:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        for thread in self._threads:
            thread.join(_JOIN_SECONDS)

    def stop(self) -> None:
        """End the stream; may be called from any thread."""
        for box in self._boxes:
            box.close()

    def __iter__(self) -> Iterator[LiveFrame]:
        """The finished frames.

        Raises:
            InputError: of the source or the estimator.
        """
        for frame in self._finished:
            now = time.perf_counter()
            self._times = (self._times[0] if self._count else now, now)
            self._count += 1
            self._latencies.append(now - frame.taken)
            yield frame
        if self._error is not None:
            raise self._error

    @property
    def report(self) -> LiveReport:
        """Of the frames until now; of the latest ten thousand of them the latency."""
        first, last = self._times
        fps = (self._count - 1) / (last - first) if self._count > 1 else 0.0
        median, high = np.percentile(self._latencies or [0.0], [50, 95]).tolist()
        return LiveReport(
            self._count, round(last - first, 3), round(fps, 2), round(median, 3), round(high, 3)
        )

    @property
    def seconds(self) -> float:
        """From the first picture to the last until now."""
        return self._times[1] - self._times[0]

    def _stage(self, name: str, work: Callable[[], Generator[T]], target: Mailbox[T]) -> threading.Thread:
        """A thread that fills a box; an error in it ends the whole session."""

        def run() -> None:
            items = work()
            try:
                target.fill(items)
            except BaseException as error:  # raised again where the session is iterated over
                self._error = error
                self.stop()
            finally:
                items.close()

        return threading.Thread(target=run, name=f"live {name}", daemon=True)

    def _when_needed(self) -> Generator[tuple[float, np.ndarray]]:
        """Camera frames, each only when the skeleton before it has been taken: until then it would grow old."""
        frames = iter(self._taken)
        while True:
            self._skeletons.wait_until_empty()
            frame = next(frames, None)
            if frame is None:
                return
            yield frame

    def _denoise(self) -> Generator[tuple[float, np.ndarray, torch.Tensor]]:
        entered: deque[tuple[float, np.ndarray]] = deque()
        skeleton: np.ndarray | None = None
        for taken, skeleton in self._skeletons:
            entered.append((taken, skeleton))
            latents = self._denoiser.push(skeleton)
            if latents is not None:
                yield (*entered.popleft(), latents)
        while entered and skeleton is not None:  # the last frames have passes left
            latents = self._denoiser.push(skeleton)
            if latents is not None:
                yield (*entered.popleft(), latents)

    def _decode(self) -> Generator[LiveFrame]:
        for taken, skeleton, latents in self._latents:
            picture = self._pipeline.decode_latents(latents, 1)[0, 0]
            yield LiveFrame(taken, skeleton, (picture * 255).round().astype(np.uint8))


def _stamped(frames: Iterable[np.ndarray]) -> Generator[tuple[float, np.ndarray]]:
    for frame in frames:
        yield time.perf_counter(), frame
