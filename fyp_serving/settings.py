"""How many replicas of a model there are, and what each takes."""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from fyp_core.settings import Settings, validated
from fyp_media.errors import InputError


class ReplicaSettings(Settings):
    """Replicas of a model on Ray Serve, each with the model loaded once."""

    min_replicas: int = Field(1, ge=1, description="replicas that are always there")
    max_replicas: int = Field(1, ge=1, description="replicas there may be while jobs wait")
    cpus: float = Field(1.0, gt=0, description="CPU cores of a replica")
    gpus: float = Field(0.0, ge=0, description="GPUs of a replica, or a share of one")
    drain_seconds: float = Field(
        600.0, ge=0, description="seconds a replica that is replaced has for its job"
    )

    @model_validator(mode="after")
    def _check_range(self) -> ReplicaSettings:
        if self.max_replicas < self.min_replicas:
            raise ValueError(
                f"max_replicas is {self.max_replicas}, but must be at least min_replicas, {self.min_replicas}."
            )
        return self

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


def replica_settings(replicas: str, **given: Any) -> ReplicaSettings:
    """The settings for a number or range of replicas as text; of the others those that are not None.

    Raises:
        InputError: a value cannot work.
    """
    least, most = parse_replicas(replicas)
    others = {name: value for name, value in given.items() if value is not None}
    return validated(ReplicaSettings, {"min_replicas": least, "max_replicas": most, **others})


def require_ray_serve() -> None:
    """Raise InputError where Ray Serve, which is optional, is not installed."""
    try:
        import ray.serve  # noqa: F401
    except ImportError as error:
        raise InputError(f'Ray Serve is missing ({error}); install it: pip install "ray[serve]".') from error


def parse_replicas(text: str) -> tuple[int, int]:
    """``"2"`` or ``"1-4"`` to the fewest and the most replicas.

    Raises:
        InputError: it is neither.
    """
    least, _, most = text.partition("-")
    if not least.isdecimal() or not (most or least).isdecimal():
        raise InputError(f"The number of replicas is {text!r}; give a number, or a range such as 1-4.")
    return int(least), int(most or least)
