"""Limits of the page for a visitor, a job and the machine, read from environment variables."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from fyp_core.generation.length import rate_and_count
from fyp_core.generation.request import GenerationRequest
from fyp_media.errors import InputError
from pose_extraction.keypoint_files.files import is_motion

_PREFIX = "FYP_"
_MOST_KEYPOINTS = 24e6  # bytes of a file; what it holds takes up to thirty times as much memory
_PUBLIC = {  # what FYP_PUBLIC=1 sets where the variable itself is not set
    "max_upload_mb": 100,
    "max_seconds": 120,
    "max_frames": 64,
    "max_side": 1024,
    "jobs_per_visitor": 2,
    "disk_mb": 10_000,
    "keep_hours": 24,
    "max_job_seconds": 900,
    "max_live_seconds": 180,
    "drain_seconds": 30,
}


class Limits(BaseModel):
    """The limits of a page; the variable of ``max_upload_mb`` is ``FYP_MAX_UPLOAD_MB``, and so on.

    The defaults are for a page on one's own machine; ``None`` is no limit.
    """

    model_config = ConfigDict(frozen=True)

    max_upload_mb: float | None = Field(None, gt=0, description="megabytes of one upload")
    max_seconds: float | None = Field(None, gt=0, description="seconds of an input video")
    max_frames: int | None = Field(None, ge=1, description="frames of a result")
    max_side: int | None = Field(None, ge=8, description="pixels of a result's longer side")
    queue: int = Field(20, ge=0, description="jobs that may wait")
    jobs_per_visitor: int | None = Field(
        None, ge=1, description="jobs of one visitor, the running one included"
    )
    disk_mb: float | None = Field(None, gt=0, description="megabytes of visitors' files, and of the gallery")
    keep_hours: float | None = Field(
        None, gt=0, description="hours after which visitors' files and results are deleted"
    )
    max_job_seconds: float | None = Field(
        None,
        gt=0,
        description="seconds a job may compute; longer ones are refused by their estimate, or stopped",
    )
    max_live_seconds: float | None = Field(
        None, ge=0, description="seconds that a visitor's camera may be live at a time; 0 switches it off"
    )
    drain_seconds: float = Field(0, ge=0, description="seconds running jobs get after SIGTERM")
    auth: SecretStr | None = Field(None, description="USER:PASSWORD of the page")
    metrics_token: SecretStr | None = Field(
        None, description="lets others than this machine read /metrics: Authorization: Bearer TOKEN"
    )

    @field_validator("auth")
    @classmethod
    def _has_user_and_password(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not re.fullmatch("[^:]+:.+", value.get_secret_value()):
            raise ValueError("it must be a user, a colon and a password")
        return value

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Limits:
        """Read FYP_PUBLIC, which is 1 on Hugging Face, and a variable for each limit.

        An empty variable or ``none`` is no limit; for one that needs a value it is the default.

        Raises:
            InputError: a variable is not a number or is out of range.
        """
        values: dict[str, object] = {}
        is_space = "SPACE_ID" in environment  # of Hugging Face
        if environment.get(f"{_PREFIX}PUBLIC", str(int(is_space))) not in ("", "0"):
            values.update(_PUBLIC)
        for name, field in cls.model_fields.items():
            text = environment.get(_variable(name))
            if text is None:
                continue
            no_limit = text.strip().lower() in ("", "none")
            values[name] = field.default if no_limit else text
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            wrong = error.errors(include_url=False, include_input=False)[0]
            name = str(wrong["loc"][0])
            raise InputError(
                f"{_variable(name)} ({cls.model_fields[name].description}) cannot be used: {wrong['msg']}."
            ) from None

    @property
    def max_upload_bytes(self) -> int | None:
        return None if self.max_upload_mb is None else round(self.max_upload_mb * 1e6)

    @property
    def disk_bytes(self) -> int | None:
        return None if self.disk_mb is None else round(self.disk_mb * 1e6)

    @property
    def keep_seconds(self) -> float | None:
        return None if self.keep_hours is None else self.keep_hours * 3600

    @property
    def account(self) -> tuple[str, str] | None:
        """User and password."""
        if self.auth is None:
            return None
        user, _, password = self.auth.get_secret_value().partition(":")
        return user, password

    def check(self, request: GenerationRequest) -> None:
        """Raise InputError for a request that asks for more than is allowed here; reads the video's header."""
        if self.max_frames is not None and request.frames > self.max_frames:
            raise InputError(
                f"{request.frames} frames are asked for, but this page makes at most {self.max_frames};"
                " take fewer frames."
            )
        side = max(request.width or 0, request.height or 0)
        if self.max_side is not None and side > self.max_side:
            raise InputError(
                f"A side of {side} pixels is asked for, but this page makes at most {self.max_side};"
                " make the result smaller."
            )
        self.check_video(request.input)

    def check_video(self, video: str | os.PathLike[str]) -> None:
        """Raise InputError for a video, or keypoints, longer than is allowed here; reads its header."""
        if self.max_seconds is None:
            return
        if is_motion(video) and Path(video).stat().st_size > _MOST_KEYPOINTS:
            raise InputError(
                f"The keypoints take more than {_MOST_KEYPOINTS / 1e6:.0f} MB; take fewer frames."
            )
        fps, count = rate_and_count(Path(video))
        duration = count / fps
        if duration > self.max_seconds:
            raise InputError(
                f"The input lasts {duration:.0f} s, but this page takes at most {self.max_seconds:g} s; cut it."
            )


def _variable(name: str) -> str:
    return _PREFIX + name.upper()
