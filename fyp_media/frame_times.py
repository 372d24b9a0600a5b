"""When the frames of a video are shown, taken from its packets without decoding them, and which rates are possible."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import pairwise

from fyp_media.errors import InputError

_LEAST_RATE = 0.001  # below 1 / 1001 our fractions, whose denominators end at 1001, cannot express it
_MOST_RATE = 1000  # MP4 states lengths in milliseconds
CLOCK_TOLERANCE = 0.002  # seconds; many files count in milliseconds
_RATE_TOLERANCE = 0.05  # of the file's own claim


@dataclass(frozen=True)
class Packet:
    """What a packet states about its frame: time and length in ticks, None where it is not stated."""

    pts: int | None
    duration: int | None
    is_keyframe: bool
    is_discarded: bool


@dataclass(frozen=True)
class FrameTimes:
    """The times of the frames that decoding gives, in the order shown.

    ticks: one a frame, in units of ``clock`` seconds, ascending.
    keyframes: ticks at which decoding can begin, ascending; also of frames that are not shown.
    is_timed: whether the file gives the times; otherwise they are equally spaced and do not identify a frame.
    end: tick up to which packets last.
    """

    ticks: Sequence[int]
    keyframes: Sequence[int]
    clock: Fraction
    claimed_rate: Fraction
    is_timed: bool
    end: int

    @classmethod
    def from_packets(cls, packets: Sequence[Packet], clock: Fraction, claimed_rate: Fraction) -> FrameTimes:
        """Leave out what a decoder does not show.

        That is what an edit list cuts off, and in a stream cut in the middle what comes before its first keyframe.
        """
        end = max(((packet.pts or 0) + (packet.duration or 0) for packet in packets), default=0)
        known = [packet.pts for packet in packets if packet.pts is not None]
        if len(known) < len(packets):  # those that are known may be of any part of the frames
            gap = 1 / (clock * claimed_rate)
            count = sum(not packet.is_discarded for packet in packets)
            return cls([round(index * gap) for index in range(count)], [], clock, claimed_rate, False, end)
        keyframes = sorted(packet.pts or 0 for packet in packets if packet.is_keyframe)
        first = keyframes[0] if keyframes else min(known, default=0)
        shown = (packet.pts or 0 for packet in packets if not packet.is_discarded)
        ticks = sorted(tick for tick in shown if tick >= first)
        return cls(ticks, keyframes, clock, claimed_rate, True, end)

    def __len__(self) -> int:
        return len(self.ticks)

    @cached_property
    def is_even(self) -> bool:
        """Whether each frame is shown about equally long."""
        gaps = sorted(after - before for before, after in pairwise(self.ticks))
        tolerance = max(2 * CLOCK_TOLERANCE / self.clock, 1)
        return not gaps or gaps[-1] - gaps[0] <= max(gaps[len(gaps) // 2] / 4, tolerance)

    @cached_property
    def fps(self) -> float:
        """Frames a second: the file's claim where frame times are even and agree with it, otherwise their mean rate."""
        claim = float(self.claimed_rate)
        length = (self.ticks[-1] - self.ticks[0]) * self.clock if self.ticks else 0
        if not length:
            return claim
        mean = float((len(self.ticks) - 1) / length)
        return claim if self.is_even and abs(mean / claim - 1) <= _RATE_TOLERANCE else mean

    def index_at(self, tick: int) -> int:
        """The frame shown at a tick."""
        return max(bisect_right(self.ticks, tick) - 1, 0)

    def keyframe_before(self, index: int) -> int | None:
        """The tick from which a frame can be decoded; None where decoding must begin at the start."""
        position = bisect_right(self.keyframes, self.ticks[index])
        return self.keyframes[position - 1] if position else None

    def at_rate(self, fps: float) -> list[int]:
        """The frames shown at 0, 1 / fps, 2 / fps, ... seconds after the first one."""
        if not self.ticks:
            return []
        seconds = [float((tick - self.ticks[0]) * self.clock) for tick in self.ticks]
        usual = seconds[-1] / (len(seconds) - 1) if len(seconds) > 1 else 1 / self.fps
        frames: list[int] = []
        for index, until in enumerate([*seconds[1:], seconds[-1] + usual]):
            while len(frames) / fps < until - CLOCK_TOLERANCE:
                frames.append(index)
        return frames


def check_rate(fps: float | Fraction | None) -> None:
    """Raise InputError for a rate, of frames a second, that cannot be sampled and written; None is a video's own."""
    if fps is not None and not _LEAST_RATE <= fps <= _MOST_RATE:
        raise InputError(f"The frame rate is {float(fps):g}, but must lie in {_LEAST_RATE}..{_MOST_RATE}.")


def as_fraction(fps: float | Fraction) -> Fraction:
    """The nearest fraction with a denominator of at most 1001; raises InputError as :func:`check_rate`."""
    check_rate(fps)
    return Fraction(fps).limit_denominator(1001)
