"""The number of replicas of a model, and the resources of each."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from fyp_core.generation.device import AUTO_DTYPE, DType
from fyp_core.settings import Settings, setting
from fyp_core.weights.sources import AUTO, MODEL_NAMES
from fyp_media.errors import InputError

LOCAL = "ray"  # in place of a cluster's address: a cluster of this machine alone


def parse_replicas(text: str) -> tuple[int, int]:
    """``"2"`` or ``"1-4"`` to the fewest and the most replicas.

    Raises:
        InputError: it is neither.
    """
    least, _, most = text.partition("-")
    if not least.isdecimal() or not (most or least).isdecimal():
        raise InputError(f"The number of replicas is {text!r}; give a number, or a range such as 1-4.")
    fewest, largest = int(least), int(most or least)
    if not 1 <= fewest <= largest:
        raise InputError(
            f"The number of replicas is {text!r}; give one from 1, in a range the smaller one first."
        )
    return fewest, largest


def _split(value: Any) -> Any:
    return parse_replicas(value) if isinstance(value, str) else value


class ReplicaSettings(Settings):
    """Replicas of a model on Ray Serve, each with the model loaded once."""

    replicas: Annotated[tuple[int, int], BeforeValidator(_split)] = setting(
        (1, 1), "number or range of replicas, 1 by default; more start while jobs wait", metavar="N|MIN-MAX"
    )
    cpus: float = setting(1.0, "CPU cores of a replica", metavar="N", gt=0)
    gpus: float = setting(0.0, "GPUs of a replica, or a share of one", metavar="N", ge=0)
    drain_seconds: float = setting(
        600.0, "seconds a replica that is replaced has for its job", metavar="S", ge=0
    )

    @property
    def min_replicas(self) -> int:
        return self.replicas[0]

    @property
    def max_replicas(self) -> int:
        return self.replicas[1]

    def deployment_options(self) -> dict[str, Any]:
        """The keywords of ``serve.deployment``: a replica takes one job at a time, more start while jobs wait."""
        return {
            "max_ongoing_requests": 1,
            "graceful_shutdown_timeout_s": self.drain_seconds,
            "ray_actor_options": {"num_cpus": self.cpus, "num_gpus": self.gpus},
            "autoscaling_config": {
                "min_replicas": self.min_replicas,
                "max_replicas": self.max_replicas,
                "target_ongoing_requests": 1,
            },
        }


class ServeSettings(ReplicaSettings):
    """Settings of ``fyp serve``."""

    model: str = setting(AUTO, f"{', '.join(MODEL_NAMES)} or a folder")
    dtype: DType | Literal["auto"] = setting(AUTO_DTYPE, "number format")
    address: str = setting(LOCAL, f"of a Ray cluster; {LOCAL}: one of this machine alone is started")


def require_ray_serve() -> None:
    """Raise InputError where Ray Serve, which is optional, is not installed."""
    try:
        import ray.serve  # noqa: F401
    except ImportError as error:
        raise InputError(
            f"Ray Serve is missing ({error}); install it: pip install -r requirements-serve.txt"
        ) from error
