"""Measured clips, stored in a JSON Lines file so that an interrupted evaluation can continue."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fyp_media.errors import InputError
from fyp_media.files import check_target, replacing


@dataclass(frozen=True)
class Record:
    """One clip as measured.

    seed: of the noise.
    measures: those that could be taken, by name, see :data:`fyp_core.evaluation.report.MEASURES`.
    joints: (F, P, 17, 3) found of P people: x and y in pixels, score; as lists.
    """

    source: str
    group: str
    index: int
    seed: int
    prompt: str
    measures: dict[str, float]
    joints: list[list[list[list[float]]]]

    @property
    def key(self) -> tuple[str, str, int, int]:
        """What distinguishes the clip: source, group, index and seed."""
        return self.source, self.group, self.index, self.seed

    def found(self) -> tuple[np.ndarray, np.ndarray]:
        """Joints (F, P, 17, 2) in pixels and their scores (F, P, 17)."""
        joints = np.array(self.joints)
        return joints[..., :2], joints[..., 2]


class Records:
    """All measured clips, in memory and, where a path is given, in its file.

    Args:
        settings: what the numbers depend on besides source, case and seed; plain values for JSON.

    Raises:
        InputError: the file holds an evaluation with other settings, or is none, or cannot be written.
    """

    def __init__(self, path: Path | None, settings: dict[str, Any]) -> None:
        self.settings = json.loads(json.dumps(settings))
        self._path = path
        self._records: dict[tuple[str, str, int, int], Record] = {}
        if path is None:
            return
        check_target(path)
        if path.exists():
            self._read(path)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as whole:  # drops a line that was cut off
            Path(whole).write_text("".join(map(_line, [{"settings": self.settings}, *map(asdict, self)])))

    def __iter__(self) -> Iterator[Record]:
        return iter(self._records.values())

    def __contains__(self, key: tuple[str, str, int, int]) -> bool:
        return key in self._records

    def __getitem__(self, key: tuple[str, str, int, int]) -> Record:
        return self._records[key]

    def add(self, records: Iterable[Record]) -> None:
        """Keep records that are not there yet."""
        new = [record for record in records if record.key not in self]
        self._records |= {record.key: record for record in new}
        if self._path:
            with self._path.open("a") as file:
                file.writelines(_line(asdict(record)) for record in new)

    def _read(self, path: Path) -> None:
        lines = path.read_text().splitlines()
        try:
            settings = json.loads(lines[0])["settings"]
        except (ValueError, LookupError, TypeError) as error:
            raise InputError(
                f"{path} is no evaluation that can be continued; give another output."
            ) from error
        if settings != self.settings:
            names = [n for n in {**settings, **self.settings} if settings.get(n) != self.settings.get(n)]
            raise InputError(
                f"{path} was measured with another {' and another '.join(names)}; give another output, or"
                " delete it to start over."
            )
        for line in lines[1:]:
            try:
                record = Record(**json.loads(line))
            except (ValueError, TypeError):  # the last one, cut off when the evaluation was interrupted
                continue
            self._records[record.key] = record


def _line(content: dict[str, Any]) -> str:
    return json.dumps(content) + "\n"
