"""Starts work just in time, so that its result is new when it is needed."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable
from typing import Any, TypeVar

from fyp_core.live.mailbox import Mailbox

T = TypeVar("T")

_RESERVE = 0.012  # seconds that a result should wait, as some work takes longer
_GROWTH = 0.3  # of the delay, as a share of the waiting time beyond the reserve
_DECAY = 0.6  # factor of the delay where a result is late


def just_in_time(items: Iterable[T], results: Mailbox[Any]) -> Generator[T]:
    """Items, each yielded so late that its result waits in ``results`` only for a short time.

    Args:
        items: a source of the newest item, for example a camera's frames.
        results: where the consumer puts the result of each item before it takes the next one.
    """
    source = iter(items)
    delay = 0.0  # seconds from taking the last result to yielding the next item
    while True:
        start = time.perf_counter()
        results.wait_until_empty()
        waited = time.perf_counter() - start
        delay = delay + _GROWTH * (waited - _RESERVE) if waited > _RESERVE else delay * _DECAY
        time.sleep(delay)
        item = next(source, None)
        if item is None:
            return
        yield item
