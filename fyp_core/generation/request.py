"""What to generate, checked before any work is done."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from fyp_core import schedulers
from fyp_core.generation.framing import FITS, Fit
from fyp_core.presets import PRESETS, PresetName
from fyp_media.errors import InputError
from pose_extraction.estimators.factory import ESTIMATORS_WITH_WEIGHTS
from pose_extraction.motion.body import check_body
from pose_extraction.motion.tracking import ALL

if TYPE_CHECKING:
    from fyp_core.weights.lora import Lora

InputType = Literal["auto", "raw", "skeleton", "keypoints"]
INPUT_TYPES: tuple[InputType, ...] = get_args(InputType)
MAX_SEED = 2**32 - 1


@dataclass(frozen=True)
class GenerationRequest:
    """What to generate; ``None`` takes the model's own value.

    input: a video of people, a skeleton video, or keypoints: a JSON file or a folder of them.
    prompt: the character and the scene.
    input_type: what ``input`` is; ``auto`` looks at it.
    frames, stride, start: frames ``start, start + stride, ...`` of the input are used.
    crop: pixels cut off the left, right, top and bottom of the input.
    steps: denoising steps.
    guidance: classifier-free guidance scale; up to 1 the prompt's pull is not amplified.
    guidance_end: share of the steps, 0..1, after which guidance is off.
    guidance_rescale: against too strong contrast from guidance, 0..1.
    reuse: one step in so many computes the whole network; ``None`` is the preset's.
    seed: 0..2^32-1; ``None`` draws one, which the result names.
    preset: ``exact`` samples as the model was published, ``fast`` and ``turbo`` with less work; see
        :mod:`fyp_core.presets`.
    scheduler: one of :data:`fyp_core.schedulers.SCHEDULER_NAMES`; ``auto`` is the preset's.
    eta: share of fresh noise a step, 0..1: of ``ddim`` and ``tcd``; the others ignore it.
    estimator: finds the people in a raw video.
    people: who is followed: ``all``, ``largest``, or numbers in order of appearance such as ``1,3``.
    smoothing: of the people's movement, 0 is off; ``None`` is 1 for a raw video, 0 for keypoints.
    pose_scale: size of the people; their feet keep their place.
    retarget: another body: ``child``, ``giant``, factors such as ``legs=1.3,arms=0.8``, or keypoints of somebody who
        has the limb lengths wanted.
    mirror: left becomes right.
    width, height: of the result in pixels, multiples of the autoencoder's factor.
    fit: what is shown of the input: ``people`` the people of all frames with a margin, ``contain`` the whole picture,
        ``cover`` its middle; ``None`` is ``people`` for a raw video, and for a skeleton video ``cover`` where that
        cuts no line off.
    follow: the window of ``people`` moves slowly with them.
    aspect: proportions of the result, ``source``, ``square`` or ``W:H``, in place of width and height.
    sound: keep the input's sound, in sync; a GIF has none.
    loras: files that act on the model for this video, each with an optional weight: ``FILE[:WEIGHT]``.
    """

    input: str | os.PathLike[str]
    prompt: str
    input_type: InputType = "auto"
    negative_prompt: str = ""
    frames: int = 8
    stride: int = 5
    start: int = 0
    crop: tuple[int, int, int, int] = (0, 0, 0, 0)
    steps: int | None = None
    guidance: float | None = None
    guidance_end: float = 1.0
    guidance_rescale: float = 0.0
    reuse: int | None = None
    seed: int | None = None
    preset: PresetName = "exact"
    scheduler: str = schedulers.AUTO
    eta: float = 0.0
    estimator: str = "auto"
    people: str = ALL
    smoothing: float | None = None
    pose_scale: float = 1.0
    retarget: str | None = None
    mirror: bool = False
    width: int | None = None
    height: int | None = None
    fit: Fit | None = None
    follow: bool = False
    aspect: str | None = None
    sound: bool = True
    loras: tuple[str, ...] = ()

    def check(self) -> None:
        """Raise InputError for a value that cannot work; the video itself is checked when it is read."""
        if not self.prompt.strip():
            raise InputError("The prompt is empty; describe the character and the scene.")
        for name, choice, choices in (
            ("input type", self.input_type, INPUT_TYPES),
            ("preset", self.preset, PRESETS),
            ("scheduler", self.scheduler, schedulers.SCHEDULER_NAMES),
            ("estimator", self.estimator, ESTIMATORS_WITH_WEIGHTS),
        ):
            if choice not in choices:
                raise InputError(f"There is no {name} {choice!r}; choose one of {', '.join(choices)}.")
        if self.fit is not None and self.fit not in FITS:
            raise InputError(f"There is no fit {self.fit!r}; choose one of {', '.join(FITS)}.")
        if self.steps is not None and self.steps < 1:
            raise InputError(f"The number of steps is {self.steps}, but must be at least 1.")
        if self.guidance is not None and not math.isfinite(self.guidance):
            raise InputError(f"The guidance scale is {self.guidance}, but must be a finite number.")
        for name, share in (
            ("Eta", self.eta),
            ("The end of guidance", self.guidance_end),
            ("Guidance rescale", self.guidance_rescale),
        ):
            if not 0 <= share <= 1:
                raise InputError(f"{name} is {share}, but must lie in 0..1.")
        if self.reuse is not None and self.reuse < 1:
            raise InputError(f"Features can be reused over 1 or more steps, not {self.reuse}.")
        if self.smoothing is not None and not 0 <= self.smoothing < math.inf:
            raise InputError(f"Smoothing is {self.smoothing}, but must be a number from 0.")
        if not 0 < self.pose_scale < math.inf:
            raise InputError(f"The scale of the pose is {self.pose_scale}, but must be above 0.")
        if self.seed is not None and not 0 <= self.seed <= MAX_SEED:
            raise InputError(f"The seed is {self.seed}, but must lie in 0..{MAX_SEED}.")
        if self.retarget is not None:
            check_body(self.retarget)
        self.found_loras()

    def found_loras(self) -> tuple[Lora, ...]:
        """The LoRAs' files and weights; raises InputError where one is not there."""
        if not self.loras:
            return ()
        from fyp_core.weights.lora import Lora  # it imports diffusers, which takes seconds

        return tuple(map(Lora.parse, self.loras))
