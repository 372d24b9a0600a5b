"""Passes items from one thread to the next."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Mailbox(Generic[T]):
    """Holds one item at most; iterating takes items until the box is closed.

    Args:
        latest_only: a new item replaces one that was not taken yet; otherwise :meth:`put` waits until it is taken.
        timeout: seconds without a new item after which the box is closed; None for any number.
    """

    def __init__(self, *, latest_only: bool, timeout: float | None = None) -> None:
        self._latest_only = latest_only
        self._timeout = timeout
        self._items: list[T] = []
        self._closed = False
        self._changed = threading.Condition()

    def put(self, item: T) -> bool:
        """Pass an item on; False where the box is closed, so that nobody will take it."""
        with self._changed:
            if not self._latest_only:
                self._changed.wait_for(lambda: self._closed or not self._items)
            if self._closed:
                return False
            self._items[:] = [item]
            self._changed.notify_all()
            return True

    def fill(self, items: Iterable[T]) -> None:
        """:meth:`put` one after the other, until the box is closed; close it after the last."""
        for item in items:
            if not self.put(item):
                break
        with self._changed:  # what is in the box can still be taken
            self._closed = True
            self._changed.notify_all()

    def wait_until_empty(self) -> None:
        """Wait until the item has been taken or the box is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or not self._items)

    def close(self) -> None:
        """Drop the item in the box and accept no more."""
        with self._changed:
            self._closed = True
            self._items.clear()
            self._changed.notify_all()

    def __iter__(self) -> Iterator[T]:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or bool(self._items), self._timeout)
                if not self._items:
                    self._closed = True
                    return
                item = self._items.pop()
                self._changed.notify_all()
            yield item
