"""A stream from the camera to the picture: four stages in overlapping threads.

    camera ──► poses and skeleton ──► denoise ──► decode ──► iterate over the session

At most one item waits between two stages. A stage that is too slow gets the latest item of the one before, so that the
delay stays bounded.
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

from fyp_core.generation.engine import Engine
from fyp_core.generation.job import Job
from fyp_core.generation.request import GenerationRequest
from fyp_core.live.denoiser import StreamDenoiser
from fyp_core.live.mailbox import Mailbox
from fyp_core.live.pacing import just_in_time
from fyp_core.live.performer import LivePose, SkeletonStream
from fyp_core.live.settings import LiveSettings
from fyp_core.pipeline import FollowYourPosePipeline
from pose_extraction.estimators.factory import choose_estimator

T = TypeVar("T")

_MEASURED = 10_000  # latencies kept
_JOIN_SECONDS = 5.0


@dataclass(frozen=True)
class LiveFrame:
    """A finished frame.

    pose: that it shows.
    picture: (H, W, 3) uint8 RGB.
    """

    pose: LivePose
    picture: np.ndarray


@dataclass(frozen=True)
class LiveReport:
    """Speed of a session. For a source that waits, the latency has no meaning.

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


def open_session(
    engine: Engine, settings: LiveSettings, frames: Iterable[np.ndarray], *, steady_fps: float | None = None
) -> LiveSession:
    """A session of an engine's model, with its LoRA for few steps where it has one; waits for the engine's turn.

    Raises:
        InputError: a setting cannot work, or the model cannot be loaded in this process.
    """
    request = GenerationRequest(input="camera", prompt=settings.prompt, preset="turbo", steps=settings.steps)
    with engine.queue.turn(Job()):
        engine.prepare_sampling(request)
        return LiveSession(engine.pipeline, settings, frames, steady_fps=steady_fps)


class LiveSession:
    """Turns camera frames into pictures of the character; iterate over it, once, within ``with``.

    Args:
        pipeline: the model, which stays as it is; its scheduler gives the noise levels.
        settings: of the stream, with a number of steps.
        frames: (H, W, 3) uint8 RGB, given when they are taken; read by a thread.
        steady_fps: frames a second of a source that waits until the slowest stage is ready, so that none is dropped;
            None for a source that does not wait.

    Raises:
        InputError: a setting cannot work.
    """

    def __init__(
        self,
        pipeline: FollowYourPosePipeline,
        settings: LiveSettings,
        frames: Iterable[np.ndarray],
        *,
        steady_fps: float | None = None,
    ) -> None:
        estimator, _ = choose_estimator(settings.estimator)
        self._pipeline = pipeline
        self._denoiser = StreamDenoiser(pipeline, settings.prompt, settings.steps, settings.seed)
        skeletons = SkeletonStream(estimator, self._denoiser.size)
        self._taken: Mailbox[tuple[float, np.ndarray]] = Mailbox(latest_only=steady_fps is None)
        self._poses: Mailbox[LivePose] = Mailbox(latest_only=False)
        self._latents: Mailbox[tuple[LivePose, torch.Tensor]] = Mailbox(latest_only=False)
        self._finished: Mailbox[LiveFrame] = Mailbox(latest_only=steady_fps is None)
        self._boxes: list[Mailbox[Any]] = [self._taken, self._poses, self._latents, self._finished]
        self._error: BaseException | None = None
        self._latencies: deque[float] = deque(maxlen=_MEASURED)
        self._times = (0.0, 0.0)  # of the first and the last picture
        self._count = 0
        examined = just_in_time(self._taken, self._poses) if steady_fps is None else self._taken
        self._threads = [
            self._stage("camera", lambda: _stamped(frames, steady_fps), self._taken),
            self._stage("poses", lambda: skeletons.draw(examined), self._poses),
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
            self._latencies.append(now - frame.pose.taken)
            yield frame
        if self._error is not None:
            raise self._error

    @property
    def steps(self) -> int:
        """Denoising steps of a frame."""
        return self._denoiser.steps

    @property
    def report(self) -> LiveReport:
        """Figures of the frames so far; the latency is of the latest ten thousand."""
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

    def _denoise(self) -> Generator[tuple[LivePose, torch.Tensor]]:
        entered: deque[LivePose] = deque()
        for pose in self._poses:
            entered.append(pose)
            yield from self._pass(entered)
        while entered:  # the last frames have passes left; frames pushed for them are dropped
            yield from self._pass(entered)

    def _pass(self, entered: deque[LivePose]) -> Iterator[tuple[LivePose, torch.Tensor]]:
        latents = self._denoiser.push(entered[-1].skeleton)
        if latents is not None:
            yield entered.popleft(), latents

    def _decode(self) -> Generator[LiveFrame]:
        for pose, latents in self._latents:
            picture = self._pipeline.decode_latents(latents, 1)[0, 0]
            yield LiveFrame(pose, (picture * 255).round().astype(np.uint8))


def _stamped(frames: Iterable[np.ndarray], fps: float | None) -> Generator[tuple[float, np.ndarray]]:
    for number, frame in enumerate(frames):
        yield number / fps if fps else time.perf_counter(), frame
