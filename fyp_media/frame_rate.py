"""Which frame rates can be sampled and written."""

from fractions import Fraction

from fyp_media.errors import InputError

_LEAST_RATE = 0.001  # below 1 / 1001 the fractions we write have no more room
_MOST_RATE = 1000  # MP4 states lengths in milliseconds


def check_rate(fps: float | Fraction | None) -> None:
    """Raise InputError for a rate, of frames a second, that cannot be sampled and written; None is a video's own."""
    if fps is not None and not _LEAST_RATE <= fps <= _MOST_RATE:
        raise InputError(f"The frame rate is {float(fps):g}, but must lie in {_LEAST_RATE}..{_MOST_RATE}.")


def as_fraction(fps: float | Fraction) -> Fraction:
    check_rate(fps)
    return Fraction(fps).limit_denominator(1001)
