"""Which pose estimators there are, and which one is the best here."""

import logging
from collections.abc import Callable

from fyp_media.errors import InputError
from pose_extraction.poses import PoseEstimator

logger = logging.getLogger(__name__)


def _vitpose(weights: str | None, stills: bool) -> PoseEstimator:
    from pose_extraction.estimators.detector import create_detector
    from pose_extraction.estimators.topdown import TopDownEstimator
    from pose_extraction.estimators.vitpose import VITPOSE, ViTPose

    return TopDownEstimator(ViTPose(weights or VITPOSE), create_detector(stills=stills), stills=stills)


def _hrnet(weights: str | None, stills: bool) -> PoseEstimator:
    from pose_extraction.estimators.hrnet import WholeFrames
    from pose_extraction.estimators.hrnet_weights import load_hrnet
    from pose_extraction.estimators.topdown import TopDownEstimator

    network = load_hrnet(weights)
    if network.whole_frames:
        return TopDownEstimator(network, WholeFrames())
    from pose_extraction.estimators.detector import create_detector

    return TopDownEstimator(network, create_detector(stills=stills), stills=stills)


def _mmpose(weights: str | None, stills: bool) -> PoseEstimator:
    from pose_extraction.estimators.detector import create_detector
    from pose_extraction.estimators.mmpose import MMPose
    from pose_extraction.estimators.topdown import TopDownEstimator

    return TopDownEstimator(MMPose(weights), create_detector(stills=stills), stills=stills)


def _mediapipe(weights: str | None, stills: bool) -> PoseEstimator:
    from pose_extraction.estimators.mediapipe import MediaPipeEstimator

    if weights:
        raise InputError("MediaPipe brings its own weights; leave them away or choose another estimator.")
    return MediaPipeEstimator(stills=stills)


# Best first; imported on use, because each brings a large library.
_ESTIMATORS: dict[str, Callable[[str | None, bool], PoseEstimator]] = {
    "vitpose": _vitpose,
    "hrnet": _hrnet,
    "mmpose": _mmpose,
    "mediapipe": _mediapipe,
}
# Networks that take a second a frame without a GPU are for who asks for them.
_FAST_ON_CPU = ("mediapipe",)

AUTO = "auto"
ESTIMATOR_NAMES = (AUTO, *_ESTIMATORS)
# For those who can name an estimator but no weights, which mmpose does not work without.
ESTIMATORS_WITH_WEIGHTS = tuple(name for name in ESTIMATOR_NAMES if name != "mmpose")


def choose_estimator(
    name: str = AUTO, weights: str | None = None, *, stills: bool = False
) -> tuple[PoseEstimator, str]:
    """Load an estimator by name; ``auto`` takes the best that runs here at a useful speed.

    Args:
        weights: instead of the published ones: a checkpoint of mmpose or one of our own for ``hrnet``, a hub
            id or folder for ``vitpose``; for ``mmpose`` always, as ``CONFIG.py,CHECKPOINT.pth``.
        stills: the frames will be pictures that have nothing to do with each other; none is understood by those
            before it.

    Returns:
        The estimator, and why it was chosen, such as "it keeps up without a GPU".

    Raises:
        InputError: there is no such estimator, or its library or weights cannot be had.
    """
    if name == AUTO:
        estimator, why = _best(weights, stills)
    else:
        estimator, why = create_estimator(name, weights, stills=stills), "it was asked for"
    logger.info("The poses are estimated by %s: %s.", estimator.name, why)
    return estimator, why


def create_estimator(name: str, weights: str | None = None, *, stills: bool = False) -> PoseEstimator:
    """Load one estimator; see :func:`choose_estimator`."""
    if name not in _ESTIMATORS:
        raise InputError(f"There is no estimator {name!r}; choose one of {', '.join(ESTIMATOR_NAMES)}.")
    try:
        return _ESTIMATORS[name](weights, stills)
    except ImportError as error:
        raise InputError(
            f"The estimator {name!r} needs a library ({error}); install the requirements,"
            " for mmpose with scripts/install_mmpose.sh."
        ) from error


def _best(weights: str | None, stills: bool) -> tuple[PoseEstimator, str]:
    if weights:
        raise InputError("Weights belong to one estimator; name it, hrnet or vitpose.")
    import torch

    has_gpu = torch.cuda.is_available()
    failures = []
    for name in ESTIMATOR_NAMES[1:] if has_gpu else _FAST_ON_CPU:
        try:
            estimator = create_estimator(name, stills=stills)
        except InputError as error:
            failures.append(f"{name}: {error}")
            continue
        if failures:
            return estimator, f"better ones cannot run here: {' '.join(failures)}"
        return estimator, "it is the most accurate" if has_gpu else "it keeps up without a GPU"
    raise InputError(failures[-1])
