"""The work of every worker: makes a shard of the pictures of a plan."""

from __future__ import annotations

import io
import json
import pickle
import secrets
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from webdataset import TarWriter

from fyp_core.preparation.collection import Unit
from fyp_core.preparation.filters import Filters, Rejected
from fyp_core.training.data.pictures import (
    SKELETON_EXTENSION,
    caption,
    document_of,
    picture_content,
    read_picture,
)
from fyp_core.training.data.shards import Files
from fyp_media.errors import InputError
from pose_extraction.estimators.factory import choose_estimator
from pose_extraction.keypoint_files.coco import to_coco
from pose_extraction.motion.motion import Motion
from pose_extraction.poses import FramePoses, PoseEstimator

_JPEG_QUALITY = 95
_ATTEMPTS = 5
_UNREADABLE = "unreadable"


@dataclass(frozen=True)
class ShardPlan:
    """Units that become one shard."""

    number: int
    units: tuple[Unit, ...]


@dataclass
class ShardRecord:
    """Which pictures of a shard's units were kept or rejected; stored as JSON beside the shards."""

    number: int
    units: list[str]
    kept: int = 0
    people: int = 0
    rejects: list[dict[str, str]] = field(default_factory=list)  # file, reason and detail of each

    @property
    def seen(self) -> int:
        return self.kept + len(self.rejects)

    def reasons(self) -> Counter[str]:
        return Counter(reject["reason"] for reject in self.rejects)


@dataclass(frozen=True)
class Candidate:
    """A picture that was read: (H, W, 3) uint8 RGB, and its caption."""

    name: str
    picture: np.ndarray
    caption: str


class ShardMaker:
    """Writes the shard of a plan under a name that no other worker uses; the driver gives it its final name.

    Args:
        folder: for unfinished shards, on storage the driver sees as well.
    """

    def __init__(
        self, folder: str, estimator: str, weights: str | None, filters: Filters, caption_key: str
    ) -> None:
        self._folder, self._filters, self._caption_key = Path(folder), filters, caption_key
        self._choice = estimator, weights

    @cached_property
    def _estimator(self) -> PoseEstimator:
        estimator, _ = choose_estimator(*self._choice, stills=True)
        return estimator

    def __call__(self, row: dict[str, bytes]) -> dict[str, str]:
        """Make the shard of a pickled ``plan``.

        Returns:
            JSON of its ``record`` and the path of its ``shard``; or the ``problem`` that prevents
            all shards, in one sentence: Ray would report an exception as a bug of the worker.
        """
        try:
            record, shard = self._make(pickle.loads(row["plan"]))
        except InputError as error:
            return {"record": "", "shard": "", "problem": str(error)}
        except OSError as error:
            return {"record": "", "shard": "", "problem": f"Cannot write {self._folder}: {error.strerror}."}
        return {"record": json.dumps(asdict(record)), "shard": str(shard), "problem": ""}

    def _make(self, plan: ShardPlan) -> tuple[ShardRecord, Path]:
        self._count_attempt(plan)
        record = ShardRecord(plan.number, [unit.name for unit in plan.units])
        shard = self._folder / f"{plan.number:05d}-{secrets.token_hex(8)}.tar"
        with TarWriter(str(shard), mtime=0) as writer:
            for candidate, poses in self._estimated(plan, record):
                height, width = candidate.picture.shape[:2]
                try:
                    chosen = self._filters.choose(poses, height, width)
                except Rejected as reason:
                    _reject(record, candidate.name, str(reason))
                    continue
                key = f"{plan.number:05d}{record.kept:05d}"
                writer.write({"__key__": key} | pair_files(candidate, chosen, self._estimator.name))
                record.kept += 1
                record.people += len(chosen)
        return record, shard

    def _count_attempt(self, plan: ShardPlan) -> None:
        """Stop after several attempts: Ray gives the plan of a dead worker to another, whom a picture may kill too."""
        attempts = self._folder / f"{plan.number:05d}.attempts"
        with attempts.open("ab") as file:
            file.write(b".")
        if attempts.stat().st_size > _ATTEMPTS:
            first, last = plan.units[0].name, plan.units[-1].name
            raise InputError(
                f"Workers died {_ATTEMPTS} times at the pictures from {first} to {last}; give them more memory"
                " (fewer --workers), or find the picture that causes it and remove it."
            )

    def _estimated(self, plan: ShardPlan, record: ShardRecord) -> Iterator[tuple[Candidate, FramePoses]]:
        """The readable pictures with their people; estimators may read a few pictures ahead."""
        waiting: list[Candidate] = []

        def pictures() -> Iterator[np.ndarray]:
            for candidate in self._candidates(plan, record):
                waiting.append(candidate)
                yield candidate.picture

        for poses in self._estimator.estimate(pictures()):
            yield waiting.pop(0), poses

    def _candidates(self, plan: ShardPlan, record: ShardRecord) -> Iterator[Candidate]:
        for unit in plan.units:
            for name, read in unit.pictures():
                try:
                    candidate = self._read(name, read())
                    self._filters.check_size(*candidate.picture.shape[:2])
                except Rejected as reason:
                    _reject(record, name, str(reason))
                except InputError as error:
                    _reject(record, name, _UNREADABLE, str(error))
                else:
                    yield candidate

    def _read(self, name: str, files: Files) -> Candidate:
        picture = read_picture(picture_content(files))
        document = document_of(files)
        try:
            text = caption(files, document, self._caption_key)
        except InputError as error:
            raise Rejected("no caption") from error
        return Candidate(name, picture, text)


def _reject(record: ShardRecord, name: str, reason: str, detail: str = "") -> None:
    record.rejects.append({"file": name, "reason": reason} | ({"detail": detail} if detail else {}))


def pair_files(candidate: Candidate, poses: FramePoses, estimator: str) -> Files:
    """The files of a picture in a shard: itself, its skeleton, and its keypoints and caption as a document."""
    height, width = candidate.picture.shape[:2]
    motion = Motion(poses.keypoints[None], poses.scores[None], height, width, fps=1.0)
    document = to_coco(motion, estimator) | {"caption": candidate.caption, "source": candidate.name}
    return {
        "jpg": _encoded(candidate.picture, "JPEG", quality=_JPEG_QUALITY),
        "json": json.dumps(document, ensure_ascii=False).encode(),
        SKELETON_EXTENSION: _encoded(next(motion.draw()), "PNG"),
    }


def _encoded(picture: np.ndarray, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, kind, **options)
    return buffer.getvalue()
