"""The stored results of each browser: a folder of files for each result, and an index in SQLite.

Every change is made inside a write transaction of the index, which keeps other threads and processes out. A process
that dies there leaves no row, and a folder without a row is removed when a gallery is next opened. So an entry that
is listed is complete, and nothing else stays on the disk.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from fyp_media.errors import InputError
from fyp_media.exports.poster import write_poster

RESULT = "result"
"""The file every entry has: the generated video. Others are named by the caller: source, skeleton, keypoints …"""

_POSTER = "poster"
_FOLDER_NAME = re.compile("[0-9a-f]{32}")  # no other folder is ever removed
_LOCK_TIMEOUT = 60.0  # seconds; a transaction lasts as long as its files are copied
_TABLE = """
CREATE TABLE IF NOT EXISTS entries (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    owner TEXT NOT NULL,
    created REAL NOT NULL,
    prompt TEXT NOT NULL,
    settings TEXT NOT NULL,
    files TEXT NOT NULL,
    size INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS entries_of_owner ON entries (owner, number);
"""
_INSERT = (
    "INSERT INTO entries (id, owner, created, prompt, settings, files, size) VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_SELECT = "SELECT id, created, prompt, settings, files FROM entries"


@dataclass(frozen=True)
class Entry:
    """One result.

    created: seconds since 1970.
    settings: those the video was made with, JSON values.
    files: paths by kind: ``result`` and the others added with it.
    poster: a JPEG of the result's middle frame.
    """

    id: str
    created: float
    prompt: str
    settings: dict[str, Any]
    files: dict[str, Path]
    poster: Path


def new_owner() -> str:
    """An id nobody can guess, for a browser that has none yet."""
    return secrets.token_urlsafe(24)


def default_folder() -> Path:
    """Where results are kept by default: the user's data folder, which updates of the program do not touch."""
    return Path(platformdirs.user_data_dir("follow-your-pose", appauthor=False), "gallery")


class Gallery:
    """Results of many browsers in one folder; any number of threads and processes may use it at once.

    An owner sees only entries of its own. ``results`` is the folder that may be served: names in it cannot be guessed,
    and the index, which holds the owners, lies outside.

    Args:
        folder: made where it is missing; needs a local disk.
        max_bytes: size of all files; beyond it the oldest entries are removed, when one is added never that one.
        max_age: seconds after which an entry is removed.

    Raises:
        InputError: the folder cannot be written, or its index is damaged.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        max_bytes: int | None = None,
        max_age: float | None = None,
    ) -> None:
        self.folder = Path(folder).absolute()
        self.results = self.folder / "results"
        self._max_bytes = max_bytes
        self._max_age = max_age
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # results are private
            self.results.mkdir(exist_ok=True)
        except OSError as error:
            raise InputError(
                f"Results cannot be kept in {self.folder}: {error.strerror}; set FYP_GALLERY to another folder."
            ) from error
        with self._opened() as index:
            index.execute("PRAGMA journal_mode = WAL")
            index.executescript(_TABLE)
        self.sweep()

    def add(
        self,
        owner: str,
        files: Mapping[str, str | os.PathLike[str]],
        prompt: str,
        settings: Mapping[str, Any],
    ) -> Entry:
        """Keep copies of a result's files.

        Args:
            files: paths by kind, ``result`` among them; copies are named by kind, with the path's ending.
            settings: JSON values.

        Raises:
            InputError: a file cannot be read or copied; then nothing is kept.
        """
        name = secrets.token_hex(16)
        folder = self.results / name
        copies = {kind: f"{kind}{Path(path).suffix}" for kind, path in files.items()}
        with self._writing() as index:
            try:
                folder.mkdir()
                for kind, path in files.items():
                    _copy(Path(path), folder / copies[kind])
                write_poster(folder / copies[RESULT], folder / f"{_POSTER}.jpg")
                row = (
                    name,
                    owner,
                    time.time(),
                    prompt,
                    json.dumps(settings),
                    json.dumps(copies),
                    _size(folder),
                )
                index.execute(_INSERT, row)
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise
            outdated = self._remove_rows(index, self._outdated(index, newest=name))
        self._remove_folders(outdated)
        return self.get(owner, name)

    def entries(self, owner: str, most: int | None = None) -> list[Entry]:
        """An owner's entries, the newest first.

        Args:
            most: how many; all by default.
        """
        rows = self._read(
            f"{_SELECT} WHERE owner = ? ORDER BY number DESC LIMIT ?", owner, -1 if most is None else most
        )
        return [self._entry(*row) for row in rows]

    def get(self, owner: str, id: str) -> Entry:
        """One of an owner's entries.

        Raises:
            InputError: the owner has no such entry, or it was removed.
        """
        rows = self._read(f"{_SELECT} WHERE owner = ? AND id = ?", owner, id)
        if not rows:
            raise InputError("This result is no longer in the gallery; choose another.")
        return self._entry(*rows[0])

    def delete(self, owner: str, id: str) -> None:
        """Remove one of an owner's entries; one that is gone already is no error."""
        self._delete("SELECT id FROM entries WHERE owner = ? AND id = ?", owner, id)

    def delete_all(self, owner: str) -> None:
        """Remove all entries of an owner."""
        self._delete("SELECT id FROM entries WHERE owner = ?", owner)

    def size(self) -> int:
        """Bytes of all entries' files."""
        return int(self._read("SELECT total(size) FROM entries")[0][0])

    def sweep(self) -> None:
        """Remove entries beyond the age or size, folders that a killed process left, and rows without files.

        Opening a gallery calls it, and a server once a minute.
        """
        with self._writing() as index:
            indexed = {name for (name,) in index.execute("SELECT id FROM entries")}
            found = {path.name for path in self.results.iterdir() if _FOLDER_NAME.fullmatch(path.name)}
            self._remove_folders(found - indexed)  # no other process writes during this transaction
            self._remove_rows(index, indexed - found)
            outdated = self._remove_rows(index, self._outdated(index))
        self._remove_folders(outdated)

    def _outdated(self, index: sqlite3.Connection, newest: str | None = None) -> list[str]:
        """Ids of entries that are too old or, counted from the newest entry, beyond the size."""
        outdated, size = [], 0
        oldest = time.time() - self._max_age if self._max_age is not None else float("-inf")
        for name, created, bytes_of_files in index.execute(
            "SELECT id, created, size FROM entries ORDER BY number DESC"
        ):
            size += bytes_of_files
            is_too_much = self._max_bytes is not None and size > self._max_bytes
            if (is_too_much or created < oldest) and name != newest:
                outdated.append(name)
        return outdated

    def _delete(self, query: str, *values: str) -> None:
        with self._writing() as index:
            removed = self._remove_rows(index, [name for (name,) in index.execute(query, values)])
        self._remove_folders(removed)

    def _remove_rows(self, index: sqlite3.Connection, names: Iterable[str]) -> list[str]:
        """Remove rows and return their names; remove the folders after the transaction, which may still fail."""
        removed = list(names)
        index.executemany("DELETE FROM entries WHERE id = ?", [(name,) for name in removed])
        return removed

    def _remove_folders(self, names: Iterable[str]) -> None:
        for name in names:  # Windows cannot remove one in use; a later sweep does
            shutil.rmtree(self.results / name, ignore_errors=True)

    def _entry(self, name: str, created: float, prompt: str, settings: str, files: str) -> Entry:
        folder = self.results / name
        paths = {kind: folder / file for kind, file in json.loads(files).items()}
        return Entry(name, created, prompt, json.loads(settings), paths, folder / f"{_POSTER}.jpg")

    def _read(self, query: str, *values: Any) -> list[Any]:
        with self._opened() as index:
            return index.execute(query, values).fetchall()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that keeps other writers out until it ends or its process dies."""
        with self._opened() as index:
            index.execute("BEGIN IMMEDIATE")
            with index:  # commits, or undoes everything
                yield index

    @contextlib.contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        try:
            path = self.folder / "index.sqlite"
            with contextlib.closing(
                sqlite3.connect(path, timeout=_LOCK_TIMEOUT, isolation_level=None)
            ) as index:
                yield index
        except sqlite3.Error as error:
            raise InputError(
                f"The gallery in {self.folder} cannot be used: {error}; set FYP_GALLERY to another folder."
            ) from error
        except OSError as error:
            raise InputError(f"The result cannot be kept in the gallery: {error.strerror}.") from error


def _copy(source: Path, target: Path) -> None:
    """Copy a file and wait until it is on the disk, so that a power cut does not leave an entry with an empty one."""
    with source.open("rb") as read, target.open("xb") as written:
        shutil.copyfileobj(read, written, 1 << 20)
        written.flush()
        os.fsync(written.fileno())


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())
