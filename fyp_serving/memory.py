"""Releasing memory between jobs."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache


def release_free_memory() -> None:
    """Return to the system what the C library keeps of freed memory; does nothing where it is not glibc.

    Jobs allocate in threads of their own, for which glibc keeps separate arenas. Without this, a page under load grew
    by some megabytes a job although the memory in use stayed the same.
    """
    if trim := _malloc_trim():
        trim(0)


@cache
def _malloc_trim() -> Callable[[int], int] | None:
    """https://man7.org/linux/man-pages/man3/malloc_trim.3.html"""
    try:
        return ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):  # another C library, or Windows
        return None
