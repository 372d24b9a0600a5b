"""Which pose estimators there are, which of them run here, and which one is the best."""

import importlib
import importlib.util
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from fyp_media.errors import InputError
from pose_extraction.estimators.hub import RT_DETR, VITPOSE, has_checkpoints, is_in_hub_cache
from pose_extraction.poses import PoseEstimator

logger = logging.getLogger(__name__)

AUTO = "auto"
_EMPTY_SIDE = 256  # pixels

Create = Callable[[str | None, bool], PoseEstimator]
"""Loads an estimator from its weights (None: the published ones), for a video or for stills."""

_REQUIREMENTS = "pip install -r requirements.txt"
_MMPOSE = "bash scripts/install_mmpose.sh"
_RTMLIB = "pip install rtmlib --no-deps && pip install onnxruntime"


@dataclass(frozen=True)
class EstimatorEntry:
    """An estimator: how it is loaded and what it needs.

    create: loads it.
    packages: modules it imports that may be missing.
    install: command that installs them.
    weights_on_disk: whether the published weights have been downloaded; None where it comes with them.
    needs_weights: it has no published ones.
    needs_boxes: of people, which a detector finds.
    in_auto: ``auto`` may take it where there is a GPU.
    fast_on_cpu: ``auto`` may take it without a GPU: it does not take a second a frame.
    """

    create: Create
    packages: tuple[str, ...] = ()
    install: str = _REQUIREMENTS
    weights_on_disk: Callable[[], bool] | None = None
    needs_weights: bool = False
    needs_boxes: bool = False
    in_auto: bool = False
    fast_on_cpu: bool = False

    def is_present(self) -> bool:
        """Whether it runs here without a download."""
        return not self.missing_package() and (self.weights_on_disk is None or self.weights_on_disk())

    def missing_package(self) -> str | None:
        """The first package that is not installed."""
        return next((name for name in self.packages if importlib.util.find_spec(name) is None), None)


@dataclass(frozen=True)
class Availability:
    """Whether an estimator runs here without a download, and otherwise why not, in one sentence."""

    name: str
    usable: bool
    why_not: str = ""


def _in(module: str, function: str = "create") -> Create:
    """A function of a module of this package, imported on use, because each brings a large library."""

    def create(weights: str | None, stills: bool) -> PoseEstimator:
        found = importlib.import_module(f"pose_extraction.estimators.{module}")
        return getattr(found, function)(weights, stills)

    return create


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


def _vitpose_on_disk() -> bool:
    return is_in_hub_cache(VITPOSE)


def _detector_on_disk() -> bool:
    return is_in_hub_cache(RT_DETR)


def _hrnet_on_disk() -> bool:
    if not has_checkpoints("*hrnet*"):
        return False
    from pose_extraction.estimators.hrnet_weights import published_path

    return published_path().exists()


def _rtm_on_disk(name: str) -> Callable[[], bool]:
    def on_disk() -> bool:
        if not has_checkpoints("rtmlib/*"):
            return False
        from pose_extraction.estimators.rtmlib import published_path

        return published_path(name).exists()

    return on_disk


def _rtm(name: str, *, needs_boxes: bool = True) -> EstimatorEntry:
    packages, on_disk = ("rtmlib", "onnxruntime"), _rtm_on_disk(name)
    create = _in("rtmlib", f"create_{name}")
    return EstimatorEntry(create, packages, _RTMLIB, on_disk, needs_boxes=needs_boxes)


# Best first.
ESTIMATORS: Mapping[str, EstimatorEntry] = {
    "vitpose": EstimatorEntry(
        _in("vitpose"), weights_on_disk=_vitpose_on_disk, in_auto=True, needs_boxes=True
    ),
    "hrnet": EstimatorEntry(
        _in("hrnet_weights"), weights_on_disk=_hrnet_on_disk, in_auto=True, needs_boxes=True
    ),
    "mmpose": EstimatorEntry(_in("mmpose"), ("mmpose",), _MMPOSE, needs_weights=True, needs_boxes=True),
    "rtmpose": _rtm("rtmpose"),
    "rtmo": _rtm("rtmo", needs_boxes=False),
    "dwpose": _rtm("dwpose"),
    "mediapipe": EstimatorEntry(_in("mediapipe"), in_auto=True, fast_on_cpu=True),
}

ESTIMATOR_NAMES = (AUTO, *ESTIMATORS)
# For those who can name an estimator but no weights.
ESTIMATORS_WITH_WEIGHTS = (AUTO, *(name for name, entry in ESTIMATORS.items() if not entry.needs_weights))


class EstimatorFactory:
    """Loads estimators, each once: several threads may ask for the same one and use it at the same time.

    Args:
        entries: estimators by name, best first.
    """

    def __init__(self, entries: Mapping[str, EstimatorEntry] = ESTIMATORS) -> None:
        self._entries = entries
        self._lock = threading.RLock()
        self._load = lru_cache(maxsize=4)(self._load_entry)

    def replace(self, name: str, create: Create) -> None:
        """Load an estimator by another function from now on."""
        with self._lock:
            self._entries = {**self._entries, name: replace(self._entries[name], create=create)}
            self._load.cache_clear()

    def available(self) -> list[Availability]:
        """See :func:`available_estimators`."""
        states = [Availability(name, not why, why) for name, why in self._obstacles().items()]
        usable = any(state.usable for state in states)
        return [Availability(AUTO, usable, "" if usable else "No estimator can be used here."), *states]

    def _obstacles(self) -> dict[str, str]:
        """Why each estimator cannot be used here; empty where it can."""
        obstacles = {}
        for name, entry in self._entries.items():
            if missing := entry.missing_package():
                obstacles[name] = f"{missing} is not installed; install it with: {entry.install}"
            elif entry.needs_weights:
                obstacles[name] = f"{name} runs only with --weights, which name a model of its own."
            elif entry.weights_on_disk and not entry.weights_on_disk():
                obstacles[name] = (
                    f"The weights of {name} are not on this disk; use it once with --estimator {name}."
                )
            else:
                obstacles[name] = ""
        return obstacles

    def present_for(self, name: str) -> list[str]:
        """See :func:`present_for`."""
        names = self._automatic() if name == AUTO else [name] if name in self._entries else []
        present = [name for name in names if self._entries[name].is_present()]
        if any(self._entries[name].needs_boxes for name in names) and _detector_on_disk():
            present.append("detector")
        return present

    def _automatic(self) -> list[str]:
        """Names of those that ``auto`` may take here, best first."""
        has_gpu = _has_gpu()
        return [
            name for name, entry in self._entries.items() if (entry.in_auto if has_gpu else entry.fast_on_cpu)
        ]

    def choose(
        self, name: str = AUTO, weights: str | None = None, *, stills: bool = False
    ) -> tuple[PoseEstimator, str]:
        """See :func:`choose_estimator`."""
        if name == AUTO:
            estimator, why = self._best(weights, stills)
        else:
            estimator, why = self.create(name, weights, stills=stills), "it was asked for"
        logger.info("The poses are estimated by %s: %s.", estimator.name, why)
        return estimator, why

    def create(self, name: str, weights: str | None = None, *, stills: bool = False) -> PoseEstimator:
        """Load one estimator by name; see :meth:`choose`."""
        if name not in self._entries:
            names = ", ".join((AUTO, *self._entries))
            raise InputError(f"There is no estimator {name!r}; choose one of {names}.")
        with self._lock:
            return self._load(name, weights, stills)

    def _load_entry(self, name: str, weights: str | None, stills: bool) -> PoseEstimator:
        entry = self._entries[name]
        try:
            return entry.create(weights, stills)
        except ImportError as error:
            raise InputError(
                f"The estimator {name!r} needs a library ({error}); install it with: {entry.install}"
            ) from error

    def _best(self, weights: str | None, stills: bool) -> tuple[PoseEstimator, str]:
        if weights:
            raise InputError("Weights belong to one estimator; name it with them, for example hrnet.")
        failures = []
        for name in self._automatic():
            try:
                estimator = self.create(name, stills=stills)
            except InputError as error:
                failures.append(f"{name}: {error}")
                continue
            if failures:
                return estimator, f"better ones cannot run here: {' '.join(failures)}"
            return estimator, "it is the most accurate" if _has_gpu() else "it keeps up without a GPU"
        raise InputError(failures[-1] if failures else "No estimator can be used here.")


_FACTORY = EstimatorFactory()


def available_estimators() -> list[Availability]:
    """Every estimator, ``auto`` first: whether it runs here without a download, and why not."""
    return _FACTORY.available()


def present_for(name: str) -> list[str]:
    """The estimators that a name, such as ``auto``, may stand for and that run here without a download.

    ``detector`` is among them where they need boxes of people and RT-DETR is on this disk. Once this list has changed,
    by a download or a GPU, the same name may give other poses.
    """
    return _FACTORY.present_for(name)


def choose_estimator(
    name: str = AUTO, weights: str | None = None, *, stills: bool = False
) -> tuple[PoseEstimator, str]:
    """Load an estimator by name, once a process; ``auto`` takes the best that runs here at a useful speed.

    Args:
        weights: instead of the published ones: a checkpoint of mmpose or one of our own for ``hrnet``, a hub id
            (``OWNER/NAME@REVISION``) or folder for ``vitpose``, an ONNX file for ``rtmpose``, ``rtmo`` and ``dwpose``;
            for ``mmpose`` always, as ``CONFIG.py,CHECKPOINT.pth``.
        stills: the frames will be unrelated pictures, not a video; the poses of one do not depend on those
            before it.

    Returns:
        The estimator, and why it was chosen, such as "it keeps up without a GPU".

    Raises:
        InputError: there is no such estimator, or its library or weights are missing.
    """
    return _FACTORY.choose(name, weights, stills=stills)


def estimate_beside() -> None:
    """From now on, MediaPipe follows the people of videos in a process of its own, beside what this one computes."""
    from pose_extraction import beside

    _FACTORY.replace("mediapipe", beside.create)


def start_estimator(name: str = AUTO) -> None:
    """Load an estimator and show it an empty picture, so that the first video does not wait for its start.

    Raises:
        InputError: see :func:`choose_estimator`.
    """
    estimator, _ = choose_estimator(name)
    list(estimator.estimate([np.zeros((_EMPTY_SIDE, _EMPTY_SIDE, 3), np.uint8)]))
