"""A cache of the people found in videos: another window, size or choice of people needs no new pose estimation."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from fyp_core.generation.request import GenerationRequest
from fyp_core.weights.hashes import file_hash
from pose_extraction.extract import FoundPeople

_Key = tuple[str, ...]
_KEPT = 64  # 64 frames with two people take 30 kB

# The settings that decide which people are found; not those that change them afterwards (choice, smoothing, size,
# mirror, window).
_FIELDS = ("frames", "stride", "start", "crop", "estimator")


class FoundPeopleCache:
    """People by the content of the video and the chosen frames, whatever the file's path; safe for several threads."""

    def __init__(self) -> None:
        self._kept: OrderedDict[_Key, FoundPeople] = OrderedDict()
        self._changing = threading.Lock()

    def get(self, request: GenerationRequest, find: Callable[[], FoundPeople]) -> FoundPeople:
        """The people of a request's input; ``find`` is called where they are not in the cache."""
        key = _key(request)
        with self._changing:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        found = find()
        with self._changing:
            self._kept[key] = found
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return found


def _key(request: GenerationRequest) -> _Key:
    return file_hash(Path(request.input)), *(repr(getattr(request, name)) for name in _FIELDS)
