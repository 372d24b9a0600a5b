"""A cache of estimated poses, in memory and on disk: those of the same frames of a video are estimated once.

It holds them as the estimator gave them; choice of people, smoothing, size and window come afterwards.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import threading
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import platformdirs

import fyp_media
from fyp_media.errors import InputError
from fyp_media.files import file_hash, replacing
from pose_extraction.estimators.factory import present_for
from pose_extraction.poses import FramePoses

VARIABLE = "FYP_POSE_CACHE"
"""Environment variable: another folder than the user's; empty keeps poses in memory only."""

_MOST_BYTES = 100e6  # on disk; 64 frames with two people take about 20 kB
_MOST_IN_MEMORY = 64  # videos
_MOST_FRAMES = 30_000  # of all of them; some 30 MB with two people. The last video is kept at any length
_DAMAGED = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True)
class EstimatedPoses:
    """What an estimator found in a video.

    frames: the poses of each frame.
    height, width: of the frames, in pixels.
    estimator, why: who estimated the poses, and why that one.
    """

    frames: list[FramePoses]
    height: int
    width: int
    estimator: str
    why: str


class PoseCache:
    """Poses by the content of the video, whatever its path, and the chosen frames; for several threads and processes.

    Args:
        folder: where they are also kept on disk, made on use; None keeps them in memory only.
        most_bytes: on disk; beyond it those not used for the longest time are deleted.
    """

    def __init__(self, folder: Path | None = None, most_bytes: float = _MOST_BYTES) -> None:
        self._folder = folder
        self._most_bytes = most_bytes
        self._in_memory: OrderedDict[str, EstimatedPoses] = OrderedDict()
        self._changing = threading.Lock()

    @classmethod
    def of_user(cls, environment: Mapping[str, str] = os.environ) -> PoseCache:
        """In the user's folder of caches (``XDG_CACHE_HOME`` on Linux), or where :data:`VARIABLE` says."""
        usual = Path(platformdirs.user_cache_dir("follow-your-pose", appauthor=False), "poses")
        folder = environment.get(VARIABLE, str(usual))
        return cls(Path(folder) if folder else None)

    def get(
        self,
        source: str | os.PathLike[str],
        chosen: Mapping[str, object],
        estimator: str,
        weights: str | None,
        estimate: Callable[[], EstimatedPoses],
    ) -> EstimatedPoses:
        """The poses of a video, estimated where they are not known yet.

        Args:
            source: the video's file.
            chosen: which of its frames, and which part of them; JSON values.
            estimator, weights: see :func:`choose_estimator`.
        """
        key = _key(source, chosen, estimator, weights)
        found = self._known(key)
        if found is None:
            found = estimate()
            key = _key(source, chosen, estimator, weights)  # weights may have been downloaded meanwhile
            self._store(key, found)
        with self._changing:
            self._in_memory[key] = found
            self._in_memory.move_to_end(key)
            frames = sum(len(poses.frames) for poses in self._in_memory.values())
            while len(self._in_memory) > (1 if frames > _MOST_FRAMES else _MOST_IN_MEMORY):
                frames -= len(self._in_memory.popitem(last=False)[1].frames)
        return found

    def _known(self, key: str) -> EstimatedPoses | None:
        with self._changing:
            if key in self._in_memory:
                return self._in_memory[key]
        if self._folder is None:
            return None
        try:
            found = _read(self._file(self._folder, key))
            os.utime(self._file(self._folder, key))
        except _DAMAGED:
            return None
        return found

    def _store(self, key: str, found: EstimatedPoses) -> None:
        """Write poses to the disk, where that is possible: they are in memory either way."""
        if self._folder is None:
            return
        with suppress(InputError, OSError):
            with replacing(self._file(self._folder, key)) as file:
                _write(Path(file), found)
            self._delete_oldest(self._folder)

    def _delete_oldest(self, folder: Path) -> None:
        states = [(file.stat(), file) for file in folder.glob("*.npz")]
        used = sum(state.st_size for state, _ in states)
        for state, file in sorted(states, key=lambda one: one[0].st_mtime):
            if used <= self._most_bytes:
                return
            file.unlink(missing_ok=True)
            used -= state.st_size

    @staticmethod
    def _file(folder: Path, key: str) -> Path:
        return folder / f"{key}.npz"


def _key(
    source: str | os.PathLike[str], chosen: Mapping[str, object], estimator: str, weights: str | None
) -> str:
    """SHA-256 of all that decides which poses are found."""
    if weights and Path(weights).is_file():
        weights = file_hash(Path(weights))
    parts = [
        _code(),
        file_hash(Path(source)),
        dict(chosen),
        estimator,
        weights,
        present_for(estimator),
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@functools.cache
def _code() -> str:
    """SHA-256 of the code that decodes videos and estimates poses, and of MediaPipe's version."""
    digest = hashlib.sha256(version("mediapipe").encode())
    for package in (Path(__file__).parent, Path(fyp_media.__file__).parent):
        for file in sorted(package.rglob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()


def _write(file: Path, found: EstimatedPoses) -> None:
    np.savez_compressed(
        file,
        people=np.array([len(poses) for poses in found.frames]),
        keypoints=_joined([poses.keypoints for poses in found.frames]),
        scores=_joined([poses.scores for poses in found.frames]),
        size=np.array([found.height, found.width]),
        words=np.array([found.estimator, found.why]),
    )


def _joined(arrays: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate(arrays).astype(np.float32)


def _read(file: Path) -> EstimatedPoses:
    with np.load(file, allow_pickle=False) as stored:
        ends = np.cumsum(stored["people"])[:-1]
        keypoints, scores = (np.split(stored[name], ends) for name in ("keypoints", "scores"))
        height, width = map(int, stored["size"])
        estimator, why = map(str, stored["words"])
    return EstimatedPoses(list(map(FramePoses, keypoints, scores)), height, width, estimator, why)
