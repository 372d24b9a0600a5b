"""What the C library keeps of freed memory: as little as it can."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

# https://man7.org/linux/man-pages/man3/mallopt.3.html
_ARENA_MAX = -8
_ARENAS = 2


def share_arenas() -> None:
    """Let all threads allocate from the same two arenas; to be called before threads are started.

    glibc has up to eight for each processor, of which each job, in a thread of its own, takes any: one after the other
    grows to the size of a job, and is full of holes.
    """
    if mallopt := _function("mallopt"):
        mallopt(_ARENA_MAX, _ARENAS)


def release_free_memory() -> None:
    """Return to the system what is kept of freed memory.

    Without this, a page under load grew by some megabytes a job although the memory in use stayed the same.
    """
    if trim := _function("malloc_trim"):  # https://man7.org/linux/man-pages/man3/malloc_trim.3.html
        trim(0)


@cache
def _function(name: str) -> Any:
    """One of glibc's functions; None with another C library, or on Windows."""
    try:
        library = ctypes.CDLL(None)
        return getattr(library, name) if hasattr(library, "gnu_get_libc_version") else None
    except (OSError, TypeError):
        return None
