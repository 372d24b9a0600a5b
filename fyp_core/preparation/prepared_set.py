"""The folder of a prepared set and its finished shards."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from fyp_core.preparation.collection import Collection
from fyp_core.preparation.shard_maker import ShardPlan, ShardRecord
from fyp_media.errors import InputError
from fyp_media.files import check_target, replacing


class PreparedSet:
    """Counts the pictures of every finished shard once, however often runs and workers are interrupted.

    Workers write shards under names of their own into ``unfinished``. Only the one run that holds the folder's lock
    gives them their final name, and only the record that follows makes a shard finished; without one it is made again.
    """

    def __init__(self, folder: Path, settings: dict[str, Any], records: dict[int, ShardRecord]) -> None:
        self.folder, self._settings, self._records = folder, settings, records
        self.unfinished = folder / ".unfinished"

    @classmethod
    @contextmanager
    def locked(cls, folder: str | Path, settings: dict[str, Any]) -> Iterator[PreparedSet]:
        """Open a folder, made where it is missing, for one run.

        Args:
            settings: those of the set, JSON values.

        Raises:
            InputError: it holds a set made with other settings or something else, another run writes to it, or it
                cannot be written.
        """
        folder = Path(folder).absolute()
        check_target(folder / "settings.json")
        _check_settings(folder, settings)
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".lock")
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise InputError(
                f"Another run writes to {folder}; wait for its end or choose another."
            ) from error
        try:
            opened = cls(folder, settings, _read_records(folder))
            opened._clear()
            opened.unfinished.mkdir()
            yield opened
        finally:
            shutil.rmtree(folder / ".unfinished", ignore_errors=True)
            lock.release()
            if not (folder / "settings.json").exists():
                (folder / ".lock").unlink(missing_ok=True)
                with suppress(OSError):
                    folder.rmdir()

    def missing(self, collection: Collection) -> list[ShardPlan]:
        """Plans for all units that no finished shard holds."""
        finished = {name for record in self._records.values() for name in record.units}
        units = [unit for unit in collection.units if unit.name not in finished]
        first = max(self._records, default=-1) + 1
        size = collection.units_per_shard
        return [
            ShardPlan(number, tuple(units[start : start + size]))
            for number, start in enumerate(range(0, len(units), size), first)
        ]

    def finish(self, record: ShardRecord, shard: str | Path) -> None:
        """Give a shard its final name and write its record; one that was made twice is dropped.

        Raises:
            InputError: the shard is not where the worker wrote it.
        """
        if record.number in self._records:
            return
        if not self._records:
            _write_json(self.folder / "settings.json", self._settings)
        if record.kept:
            try:
                os.replace(shard, self._shard(record.number))
            except FileNotFoundError as error:
                raise InputError(
                    f"A worker's shard is not in {self.unfinished}; let the output be on storage that all machines"
                    " of the cluster share."
                ) from error
        _write_json(self.folder / f"parts/{record.number:05d}.json", asdict(record))
        self._records[record.number] = record

    def summarise(self, run: dict[str, Any]) -> dict[str, Any]:
        """Write and return what the set holds; ``run`` says how fast the last run was."""
        records = self._records.values()
        reasons = sum((record.reasons() for record in records), Counter())
        summary = {
            "output": str(self.folder),
            "seen": sum(record.seen for record in records),
            "kept": sum(record.kept for record in records),
            "people": sum(record.people for record in records),
            "rejected": dict(reasons.most_common()),
            "shards": sum(record.kept > 0 for record in records),
            "run": run,
        }
        _write_json(self.folder / "summary.json", summary)
        return summary

    def _shard(self, number: int) -> Path:
        return self.folder / f"{number:05d}.tar"

    def _clear(self) -> None:
        """Remove files of interrupted runs: shards without a record, unfinished ones."""
        finished = set(map(self._shard, self._records))
        for shard in set(self.folder.glob("*.tar")) - finished:
            shard.unlink()
        shutil.rmtree(self.unfinished, ignore_errors=True)


def stored_settings(folder: Path) -> dict[str, Any]:
    """The settings of the set in a folder; {} where there is none."""
    path = folder / "settings.json"
    return _read_json(path) if path.is_file() else {}


def _check_settings(folder: Path, settings: dict[str, Any]) -> None:
    before = stored_settings(folder)
    if not before:
        if folder.is_dir() and any(not path.name.startswith(".") for path in folder.iterdir()):
            raise InputError(f"{folder} holds something else; choose a new folder.")
        return
    others = sorted(key for key in settings if before.get(key) != settings[key])
    if others:
        differences = ", ".join(f"{key} {before.get(key)!r}, not {settings[key]!r}" for key in others)
        raise InputError(
            f"The set in {folder} was made with {differences}; keep to that or choose another folder."
        )


def _read_records(folder: Path) -> dict[int, ShardRecord]:
    records = (ShardRecord(**_read_json(path)) for path in (folder / "parts").glob("[0-9]*.json"))
    return {record.number: record for record in records}


def _read_json(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read; choose another folder.") from error


def _write_json(path: Path, document: dict[str, Any]) -> None:
    with replacing(path) as partial:
        Path(partial).write_text(json.dumps(document, indent=1, ensure_ascii=False), encoding="utf-8")
