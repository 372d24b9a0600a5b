"""Deletes visitors' files that are too old or beyond the disk budget."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from fyp_media.errors import InputError

logger = logging.getLogger(__name__)

_INTERVAL = 60.0  # seconds between two sweeps
_PER_FILE = 4096  # bytes that even the smallest file takes
_LEAST_FREE = 200e6  # bytes of the disk; below, the budget counts as used up
_IN_USE = 900.0  # seconds; a file changed since is not deleted to free space: a job may be reading it


@dataclass(frozen=True)
class _File:
    path: Path
    size: int
    changed: float


class Sweeper:
    """Limits the size of folders that only pages use. Another page may use the same ones.

    Args:
        folders: everything below them is deleted by age, also what a killed page or an interrupted upload left there.
        keep_seconds: age at which a file is deleted.
        most_bytes: of all files; beyond it the oldest are deleted, None is no limit.
        others: called at each sweep, for stores with an index of their own.
    """

    def __init__(
        self,
        folders: Iterable[Path],
        keep_seconds: float,
        most_bytes: int | None = None,
        others: Iterable[Callable[[], None]] = (),
    ) -> None:
        self._folders = list(folders)
        self._others = list(others)
        self._keep_seconds = keep_seconds
        self._most_bytes = most_bytes
        self._stopped = threading.Event()
        self.used_bytes = 0

    def start(self) -> None:
        """Sweep now, and from now on in a thread of its own."""
        self.sweep()
        threading.Thread(target=self._run, daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()

    def is_full(self) -> bool:
        """Whether the budget was used up at the last sweep, or the disk is nearly full now."""
        if self._most_bytes is None:
            return False
        free = min(shutil.disk_usage(folder).free for folder in self._folders)
        return self.used_bytes >= self._most_bytes or free < _LEAST_FREE

    def sweep(self) -> None:
        """Delete files that are too old, then the oldest ones beyond the budget.

        Raises:
            InputError: one of the others cannot be swept.
        """
        now = time.time()
        # By path, as one folder may contain another.
        found = {file.path: file for folder in self._folders for file in _files(folder)}
        files = sorted(found.values(), key=lambda file: file.changed)
        used = sum(file.size for file in files)
        for file in files:
            age = now - file.changed
            too_much = self._most_bytes is not None and used > self._most_bytes and age > _IN_USE
            if age > self._keep_seconds or too_much:
                with contextlib.suppress(OSError):  # another page deletes as well
                    file.path.unlink()
                    used -= file.size
        self.used_bytes = used
        for folder in self._folders:
            _remove_empty_folders(folder, now - self._keep_seconds)
        for sweep in self._others:
            sweep()

    def _run(self) -> None:
        while not self._stopped.wait(_INTERVAL):
            try:
                self.sweep()
            except (OSError, InputError) as error:
                logger.warning("Visitors' files could not be swept: %s", error)


def _files(folder: Path) -> list[_File]:
    found = []
    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place, name)
            with contextlib.suppress(OSError):
                state = path.lstat()
                # Gradio updates st_ctime when it uses a file again.
                found.append(_File(path, state.st_size + _PER_FILE, max(state.st_mtime, state.st_ctime)))
    return found


def _remove_empty_folders(folder: Path, before: float) -> None:
    for place, _, _ in os.walk(folder, topdown=False):
        path = Path(place)
        with contextlib.suppress(OSError):  # not empty
            if path != folder and path.stat().st_mtime < before:
                path.rmdir()
