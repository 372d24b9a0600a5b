"""From the values of the page's controls to requests, and from the settings of a video to values of controls."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from fyp_core.generation.request import GenerationRequest
from fyp_core.weights.ip_adapter.files import DEFAULT_KIND, KINDS
from fyp_core.weights.sources import Additions, Lora, list_bases
from fyp_media.errors import InputError
from fyp_media.read_video import probe
from fyp_page.handlers.motion import sample
from pose_extraction.motion.edit import parse_proportions

MOST_PROMPTS = 8
MOST_LORAS = 4
MOST_EMBEDDINGS = 8
LORA_TEXT_WIDTH = 768  # of Stable Diffusion 1.x, for which LoRAs and IP-Adapters are shared
# Controls whose values are those of the request's fields; the values of the others are converted.
SAME = (
    "input_type", "people", "smoothing", "pose_scale", "retarget", "mirror", "fit", "follow", "aspect", "estimator",
    "preset", "steps", "guidance", "pose_strength", "seed", "scheduler", "width", "height", "negative_prompt", "sound",
    "reference_strength",
)  # fmt: skip
CROPS = ("crop_left", "crop_right", "crop_top", "crop_bottom")
OF_THE_MOTION = ("input_type", "people", "start_seconds", "end_seconds", "rate", *CROPS)
"""Controls whose values fit one input only."""


def check_body_in_words(body: str | None) -> None:
    """Raise InputError for a body that is named by keypoints: visitors name no files of the server."""
    if body:
        parse_proportions(body)


def make_requests(values: Mapping[str, Any]) -> list[GenerationRequest]:
    """A request for each prompt, that is for each line.

    Args:
        values: of the page's controls, by name.

    Raises:
        InputError: something is missing or cannot work.
    """
    prompts = [line.strip() for line in (values["prompt"] or "").splitlines() if line.strip()]
    if len(prompts) > MOST_PROMPTS:
        raise InputError(f"There are {len(prompts)} prompts, one a line; take at most {MOST_PROMPTS}.")
    shared = motion_of(values) | reference_of(values)
    shared |= {"loras": loras_of(values), "additions": additions_of(values)}
    made = [GenerationRequest(prompt=prompt, **shared) for prompt in prompts or [""]]
    for request in made:
        request.check()
    return made


def pose_request(values: Mapping[str, Any]) -> GenerationRequest:
    """A request for finding the pose: without the visitor's prompt and what is added to the model.

    Raises:
        InputError: see :func:`make_requests`.
    """
    added = dict.fromkeys(("loras", "embeddings", "base", "reference_picture"))
    return make_requests({**values, "prompt": "a person"} | added)[0]


def motion_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a request besides its prompt and LoRAs.

    Raises:
        InputError: there is no video, or a length cannot work.
    """
    video = values["video"]
    if not video:
        raise InputError("There is no input video; upload one or choose an example.")
    for name, what in (("end_seconds", "end"), ("rate", "number of frames a second")):
        if values[name] is None:
            raise InputError(f"The {what} is empty; give a number.")
    used = sample(probe(video), values["start_seconds"] or 0, values["end_seconds"], values["rate"])
    check_body_in_words(values.get("retarget"))
    fields = {name: values[name] for name in SAME if values.get(name) not in (None, "")}
    if fields.get("aspect"):  # it decides both
        fields.pop("width", None)
        fields.pop("height", None)
    crop = tuple(values.get(side) or 0 for side in CROPS)
    return fields | {
        "input": video,
        "start": used.start,
        "stride": used.stride,
        "frames": used.count,
        "crop": crop,
    }


def loras_of(values: Mapping[str, Any]) -> tuple[Lora, ...]:
    """The uploaded LoRAs with their weights; raises InputError for too many."""
    files = values.get("loras") or []
    if len(files) > MOST_LORAS:
        raise InputError(f"There are {len(files)} LoRAs; take at most {MOST_LORAS}.")
    weights = [values.get(f"weight_{number}") for number in range(1, MOST_LORAS + 1)]
    return tuple(
        Lora(file=Path(file), weight=1 if weight is None else weight) for file, weight in zip(files, weights)
    )


def reference_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a request that name its reference picture and an uploaded IP-Adapter, or one of the known kinds.

    Raises:
        InputError: there is no such kind.
    """
    if not values.get("reference_picture"):
        return {}
    kind = values.get("ip_adapter") or DEFAULT_KIND
    if kind not in KINDS:  # a program must not name files of this machine
        raise InputError(f"There is no IP-Adapter {kind!r} here; choose one of {', '.join(KINDS)}.")
    return {
        "reference_picture": values["reference_picture"],
        "ip_adapter": values.get("ip_adapter_file") or kind,
    }


def additions_of(values: Mapping[str, Any]) -> Additions | None:
    """Additions to the model: a base on this disk, by its name, and uploaded embeddings.

    Raises:
        InputError: there is no such base, or there are too many embeddings.
    """
    files, base = values.get("embeddings") or [], values.get("base")
    if len(files) > MOST_EMBEDDINGS:
        raise InputError(f"There are {len(files)} embeddings; take at most {MOST_EMBEDDINGS}.")
    if not files and not base:
        return None
    bases = list_bases()
    if base and base not in bases:
        raise InputError(f"There is no base model {base!r} here; choose one of {', '.join(bases) or 'none'}.")
    return Additions(base=str(bases[base]) if base else None, embeddings=tuple(map(str, files)))


def uploads_of(values: Mapping[str, Any]) -> list[str | None]:
    """All files among the values of controls or of arguments."""
    single = [values.get(name) for name in ("video", "reference_picture", "ip_adapter_file")]
    return [*single, *(values.get("loras") or []), *(values.get("embeddings") or [])]


def controls_for(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Values of the controls that repeat a video with these settings, except its input."""
    values = {name: settings[name] for name in SAME if name in settings}
    values["estimator"] = settings.get("estimator") or "auto"
    values |= dict(zip(CROPS, settings.get("crop") or (0, 0, 0, 0)))
    fps = settings.get("fps") or 0
    if fps:
        start = settings.get("start", 0) / (fps * settings.get("stride", 1))
        values |= {
            "rate": fps,
            "start_seconds": round(start, 2),
            "end_seconds": round(start + settings["frames"] / fps, 2),
        }
    base = settings.get("base")
    values["base"] = base if base in list_bases() else None
    adapter = settings.get("ip_adapter")
    values["ip_adapter"] = adapter if adapter in KINDS else DEFAULT_KIND
    return values | {"prompt": settings.get("prompt", ""), "aspect": None}


def upload_names(message: str, files: Iterable[str | os.PathLike[str] | None]) -> str:
    """The message with the names of uploads in place of their paths on the server."""
    for file in files:
        if file:
            message = message.replace(os.fspath(file), Path(file).name)
    return message
