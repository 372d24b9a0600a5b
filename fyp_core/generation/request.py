"""What to generate, checked before any work is done."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from fyp_core import schedulers
from fyp_core.generation.pose.framing import Fit
from fyp_core.generation.result_size import ASPECTS
from fyp_core.presets import PresetName
from fyp_core.settings import RequestSettings, setting
from fyp_core.weights.ip_adapter.files import DEFAULT_KIND, KINDS, check_ip_adapter
from fyp_core.weights.sources import Additions, Lora
from fyp_media.errors import InputError
from pose_extraction.estimators.factory import ESTIMATORS_WITH_WEIGHTS
from pose_extraction.motion.body import BODY_HELP, check_body
from pose_extraction.motion.tracking import ALL

InputType = Literal["auto", "raw", "skeleton", "keypoints"]
MAX_SEED = 2**32 - 1
MOST_FRAMES_OF_INPUT = 10**9
MOST_LETTERS = 10_000  # of a prompt, which the network reads in chunks of 75 words
if TYPE_CHECKING:
    SchedulerName = str
    EstimatorName = str
else:
    SchedulerName = Literal[schedulers.SCHEDULER_NAMES]
    EstimatorName = Literal[ESTIMATORS_WITH_WEIGHTS]

Pixels = Annotated[int, Field(ge=0)]


def _not_too_long(prompt: str) -> str:
    if any(map(_is_half_a_letter, prompt)):
        raise ValueError("A prompt has bytes that are no UTF-8 text; type it again.")
    if len(prompt) > MOST_LETTERS:
        raise ValueError(
            f"A prompt has {len(prompt)} characters, but at most {MOST_LETTERS} are possible; shorten it."
        )
    return prompt


def _is_half_a_letter(letter: str) -> bool:
    """Whether this is a surrogate: Python reads arguments that are not in the terminal's encoding as such."""
    return "\ud800" <= letter <= "\udfff"


def _described(prompt: str) -> str:
    if not prompt.strip():
        raise ValueError("The prompt is empty; describe the character and the scene.")
    return _not_too_long(prompt)


Prompt = Annotated[str, AfterValidator(_described)]
NegativePrompt = Annotated[str, AfterValidator(_not_too_long)]


def _split_crop(value: Any) -> Any:
    """A command line has the four numbers in one text."""
    if not isinstance(value, str):
        return value
    sides = value.split(",")
    if len(sides) != 4 or not all(side.strip().isdecimal() for side in sides):
        raise ValueError(f"The crop is {value!r}; give left,right,top,bottom in pixels.")
    return sides


class GenerationRequest(RequestSettings):
    """What to generate. :func:`fyp_core.settings.setting` says how to add a setting.

    Raises:
        InputError: a value cannot work.
    """

    input: Path = setting(
        ..., "video of people, skeleton video, or keypoints: a JSON file or a folder of them", metavar="FILE"
    )
    prompt: Prompt = setting(
        ..., 'the character and the scene, for example "an astronaut on the beach"', metavar="TEXT"
    )
    input_type: InputType = setting("auto", "what the input is; auto: recognised from its content")
    negative_prompt: NegativePrompt = setting("", "what to avoid", metavar="TEXT")
    frames: int = setting(8, "frames of the result", metavar="N", ge=1)
    stride: float = setting(
        5,
        "take every Kth frame of the input, the nearest where K is not whole",
        metavar="K",
        ge=1,
        le=MOST_FRAMES_OF_INPUT,
        allow_inf_nan=False,
    )
    start: int = setting(0, "first frame of the input, from 0", metavar="K", ge=0, le=MOST_FRAMES_OF_INPUT)
    crop: Annotated[tuple[Pixels, Pixels, Pixels, Pixels], BeforeValidator(_split_crop)] = setting(
        (0, 0, 0, 0), "pixels to cut off the left, right, top and bottom of the input", metavar="L,R,T,B"
    )
    fit: Fit | None = setting(
        None,
        "what is shown of the input: all people, the whole picture, or its middle",
        unset="people; of a skeleton video cover, where that cuts no line off",
    )
    follow: bool = setting(False, "let the window around people move slowly with them")
    aspect: str | None = setting(
        None,
        f"proportions of the result, in place of width and height: {', '.join(ASPECTS)}, …",
        unset="the model's own",
        metavar="W:H",
    )
    width: int | None = setting(
        None,
        "of the result in pixels, a multiple of 8, for mini of 16",
        unset="the model's own",
        metavar="PX",
    )
    height: int | None = setting(
        None,
        "of the result in pixels, a multiple of 8, for mini of 16",
        unset="the model's own",
        metavar="PX",
    )
    sound: bool = setting(True, "keep the input's sound, in sync; a GIF has none")
    preset: PresetName = setting("exact", "sample as published, or with less work")
    scheduler: SchedulerName = setting(
        schedulers.AUTO, "how noise is removed step by step; auto: the preset's"
    )
    steps: int | None = setting(None, "denoising steps", unset="the model's own", metavar="N", ge=1)
    guidance: float | None = setting(
        None,
        "weight of the prompt; up to 1 it is off",
        unset="the model's own",
        metavar="G",
        allow_inf_nan=False,
    )
    guidance_end: float = setting(
        1.0, "share of the steps after which guidance is off", metavar="S", ge=0, le=1
    )
    guidance_rescale: float = setting(
        0.0, "against too strong contrast from guidance", metavar="S", ge=0, le=1
    )
    reuse: int | None = setting(
        None, "compute the whole network in one step of N", unset="the preset's", metavar="N", ge=1
    )
    eta: float = setting(0.0, "share of fresh noise a step, of ddim and tcd", metavar="E", ge=0, le=1)
    seed: int | None = setting(
        None,
        "the same seed repeats a video",
        unset="random, and stated in the result",
        metavar="S",
        ge=0,
        le=MAX_SEED,
    )
    estimator: EstimatorName = setting(
        "auto", "finds the people in a raw video; auto: the best that is fast enough here", group="pose"
    )
    people: str = setting(
        ALL,
        "who is followed: all, largest, or numbers in order of appearance such as 1,3",
        group="pose",
        metavar="all|largest|N[,N…]",
    )
    smoothing: float | None = setting(
        None,
        "of the people's movement, 0 is off",
        unset="1, of keypoints 0",
        group="pose",
        metavar="S",
        ge=0,
        allow_inf_nan=False,
    )
    pose_scale: float = setting(
        1.0,
        "factor for the size of the people; their feet stay where they are",
        group="pose",
        metavar="F",
        gt=0,
        allow_inf_nan=False,
    )
    pose_strength: float = setting(
        1.0,
        "how strongly the skeleton guides; 0 is off",
        group="pose",
        metavar="S",
        ge=0,
        allow_inf_nan=False,
    )
    retarget: str | None = setting(
        None, f"another body: {BODY_HELP}", unset="the person's own", group="pose", metavar="BODY"
    )
    mirror: bool = setting(False, "left becomes right", group="pose")
    loras: tuple[Lora, ...] = setting(
        (),
        "LoRA files, each with its weight",
        group="model",
        metavar="FILE[:WEIGHT]",
        option="--lora",
    )
    reference_picture: Path | None = setting(
        None,
        "picture whose character, face or style the result shows; its middle square is used",
        unset="none",
        group="model",
        metavar="FILE",
    )
    ip_adapter: str | None = setting(
        None,
        f"what is taken from the picture: {', '.join(KINDS)}; or an IP-Adapter file",
        unset=DEFAULT_KIND,
        group="model",
        metavar="FILE|KIND",
    )
    reference_strength: float = setting(
        0.6,
        "how strongly the picture guides; 0 is off",
        group="model",
        metavar="S",
        ge=0,
        le=1,
    )

    additions: Additions | None = Field(
        None, description="files added to the model for this video; None for those its engine was given"
    )  # not an option of a command, where the engine is given them

    def check(self) -> None:
        """Raise InputError where a file named beside the input is not there; the input is checked when it is read."""
        if self.retarget is not None:
            check_body(self.retarget)
        for lora in self.loras:
            lora.check()
        self._check_reference()

    def _check_reference(self) -> None:
        picture, adapter = self.reference_picture, self.ip_adapter
        if picture is not None and not picture.is_file():
            raise InputError(f"There is no reference picture {picture}; check the path.")
        if picture is None and adapter is not None:
            raise InputError("An IP-Adapter reads a reference picture; give one with --reference-picture.")
        if adapter is not None:
            check_ip_adapter(adapter)
