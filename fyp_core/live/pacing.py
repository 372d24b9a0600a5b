"""Work begun just in time, so that its result is not old when it is needed."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable
from typing import Any, TypeVar

from fyp_core.live.mailbox import Mailbox

T = TypeVar("T")

_RESERVE = 0.012  # seconds that a result waits at best: work takes longer now and then
_LEARNT, _FORGOTTEN = (
    0.3,
    0.6,
)  # how fast the delay grows where results wait, and what is left of it where they are late


def just_in_time(items: Iterable[T], results: Mailbox[Any]) -> Generator[T]:
    """Items, each given so late that what is made of it waits in ``results`` for a moment only.

    Args:
        items: of which the newest is given, for example a camera's frames.
        results: where whoever gets the items puts what is made of each, before the next one is asked for.
    """
    source = iter(items)
    delay = 0.0  # seconds from when the last result was taken to when the next item is given
    while True:
        start = time.perf_counter()
        results.wait_until_empty()
        waited = time.perf_counter() - start
        delay = delay + _LEARNT * (waited - _RESERVE) if waited > _RESERVE else delay * _FORGOTTEN
        time.sleep(delay)
        item = next(source, None)
        if item is None:
            return
        yield item
