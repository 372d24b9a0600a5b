"""The settings of a training run: a model for every stage, and for every kind of data."""

from __future__ import annotations

from dataclasses import replace
from inspect import signature
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, get_args

from diffusers.optimization import SchedulerType
from pydantic import AfterValidator, Field, create_model, model_validator

from fyp_core.latent_size import latent_factor
from fyp_core.pipeline import FollowYourPosePipeline
from fyp_core.settings import SettingRow, Settings, models_in, setting_rows, validated
from fyp_core.synthetic import MAX_PEOPLE, STYLES
from fyp_media.errors import InputError

WORLD = "world"

Count = Annotated[int, Field(ge=1)]
Whole = Annotated[int, Field(ge=0)]
NotNegative = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Momentum = Annotated[float, Field(ge=0, lt=1)]
Side = Annotated[int, Field(ge=8, multiple_of=8)]
if TYPE_CHECKING:
    Style = str
    LearningRateSchedule = str
else:
    Style = Literal[STYLES]
    LearningRateSchedule = Literal[tuple(kind.value for kind in SchedulerType)]


class WorldData(Settings):
    """Clips of the procedural world, which needs no files."""

    kind: Literal["world"] = "world"
    seed: Whole = Field(0, description="of the clips")
    size: Side = Field(128, description="pixels a side")
    sizes: list[tuple[Side, Side]] = Field(
        [], description="height and width of the encoded clips, in turn; none: all are square"
    )
    people: list[NotNegative] = Field(
        [1.0],
        min_length=1,
        max_length=MAX_PEOPLE,
        description="shares of clips with one, two and three people",
    )
    clips: Count = Field(6000, description="rendered and encoded once; samples are chosen among them")
    n_sample_frames: Count = Field(8, description="frames of a clip")
    style_probability: Share = Field(0.0, description="share of the clips that get one of the styles")
    styles: list[Style] = Field([], description="which styles; none: all")
    cache: str = Field("output/mini/latents", description="folder of the encoded clips")

    @model_validator(mode="after")
    def _check_people(self) -> Self:
        if not sum(self.people):
            raise InputError("train_data.people has no share above 0; give one for each number of people.")
        return self

    @property
    def sides(self) -> list[tuple[str, int]]:
        """Names and values of the settings in pixels."""
        return [
            ("size", self.size),
            *(
                (f"sizes.{number}.{place}", side)
                for number, size in enumerate(self.sizes)
                for place, side in enumerate(size)
            ),
        ]

    @property
    def all_sizes(self) -> list[tuple[int, int]]:
        """Height and width of the encoded clips, in turn."""
        return self.sizes or [(self.size, self.size)]


class OwnData(Settings):
    """Pictures or clips of one's own; :mod:`fyp_core.training.data` describes each kind."""

    kind: str
    path: str = Field("", description="where the data is; always needed")
    caption_column: str = Field("caption", description="of tables, and of JSON beside pictures and clips")
    width: Side = Field(512, description="pixels: the shorter side is resized, the centre cropped")
    height: Side = Field(512, description="pixels")

    @property
    def sides(self) -> list[tuple[str, int]]:
        """Names and values of the settings in pixels."""
        return [("width", self.width), ("height", self.height)]

    @model_validator(mode="after")
    def _check_path(self) -> Self:
        if not self.path:
            raise InputError(f"train_data.kind={self.kind} needs train_data.path; say where the data is.")
        return self


class ImageFolderData(OwnData):
    """A folder of pictures, captions and keypoints beside them."""

    kind: Literal["images"] = "images"


class PictureShardsData(OwnData):
    """WebDataset shards of pictures, here or by address."""

    kind: Literal["webdataset"] = "webdataset"
    shuffle_buffer: Count = Field(1000, description="samples held to draw from, of shards by address")


class HubData(OwnData):
    """A data set of the Hugging Face hub, or a local one in its formats."""

    kind: Literal["hf"] = "hf"
    split: str = Field("train", description="of the data set")
    image_column: str = Field("image", description="pictures")
    keypoints_column: str = Field("keypoints", description="COCO documents as JSON")
    skeleton_column: str = Field("skeleton", description="or skeletons drawn on black")
    streaming: bool = Field(False, description="nothing is stored")
    shuffle_buffer: Count = Field(1000, description="rows held to draw from, when streamed")


class OwnClips(OwnData):
    """Which frames of a clip of one's own are taken."""

    n_sample_frames: Count = Field(8, description="frames of a clip")
    sample_start_idx: Whole | None = Field(0, description="first frame taken; null draws it for each sample")
    sample_frame_rate: Count = Field(1, description="every so many frames one is taken")


class ClipTableData(OwnClips):
    """A CSV or JSON Lines table of paths and captions."""

    kind: Literal["clips"] = "clips"
    path_column: str = Field("path", description="of the table")


class ClipShardsData(OwnClips):
    """WebDataset shards of clips, here or by address."""

    kind: Literal["webdataset"] = "webdataset"
    shuffle_buffer: Count = Field(1000, description="samples held to draw from, of shards by address")


TrainData = WorldData | ImageFolderData | PictureShardsData | HubData | ClipTableData | ClipShardsData


class ImageValidation(Settings):
    """The pictures shown during training; null takes the model's own value."""

    prompts: list[str] = Field([], description="none: some of the procedural world's")
    skeleton_path: str | None = Field(
        None, description="video of the poses; null: poses of the procedural world"
    )
    width: int | None = Field(None, description="pixels")
    height: int | None = Field(None, description="pixels")
    num_inference_steps: int | None = Field(None, description="denoising steps")
    guidance_scale: float | None = Field(None, description="of classifier-free guidance")


class VideoValidation(ImageValidation):
    """The clips shown during training."""

    video_length: Count = Field(8, description="frames")
    stride: Count = Field(4, description="every so many frames of the skeleton video one is taken")


_PIPELINE_LIMITS: dict[str, Any] = {
    "default_num_inference_steps": Count,
    "default_guidance_scale": Annotated[float, Field(allow_inf_nan=False)],
    "default_height": Side,
    "default_width": Side,
    "noise_share": Share,
    "clip_length": Count,
    "window": Count,
    "window_overlap": Whole,
}
# The pipeline's own settings: all of its arguments that are no networks.
_PIPELINE_ARGUMENTS: dict[str, Any] = {
    argument.name: (_PIPELINE_LIMITS.get(argument.name, argument.annotation), argument.default)
    for argument in signature(FollowYourPosePipeline, eval_str=True).parameters.values()
    if argument.annotation in (int, float, bool)
}
_PIPELINE_SETTINGS = create_model("PipelineSettings", __base__=Settings, **_PIPELINE_ARGUMENTS)


def _check_pipeline(given: dict[str, Any]) -> dict[str, Any]:
    return validated(_PIPELINE_SETTINGS, given, "pipeline.").model_dump(exclude_unset=True)


class TrainConfig(Settings):
    """What all stages have in common."""

    stage: str
    pretrained_model_path: str | None = Field(
        None, description="the model to start from; Stable Diffusion where a stage can"
    )
    output_dir: str = Field("output/training", description="folder of the run")
    train_data: TrainData = WorldData()

    max_train_steps: Count = Field(1000, description="steps of the optimizer")
    max_minutes: Annotated[float, Field(gt=0)] | None = Field(
        None, description="end after so many minutes; the learning rate falls to its last value by then"
    )
    train_batch_size: Count = Field(32, description="images, or clips on video, of each process")
    gradient_accumulation_steps: Count = Field(1, description="batches a step")
    dataloader_num_workers: Whole = Field(0, description="processes that prepare batches")
    learning_rate: NotNegative = Field(3e-5, description="at its highest")
    scale_lr: bool = Field(False, description="multiply it with the samples of a step")
    lr_scheduler: LearningRateSchedule = Field("cosine", description="course of the learning rate")
    lr_warmup_steps: Whole = Field(50, description="steps in which the learning rate rises")
    adam_beta1: Momentum = Field(0.9, description="of AdamW")
    adam_beta2: Momentum = Field(0.99, description="of AdamW")
    adam_weight_decay: NotNegative = Field(1e-2, description="of AdamW")
    adam_epsilon: NotNegative = Field(1e-8, description="of AdamW")
    use_8bit_adam: bool = Field(False, description="keep the optimizer's state in 8 bits, with bitsandbytes")
    max_grad_norm: NotNegative = Field(1.0, description="gradients are clipped to it; 0: they are not")
    ema_decay: Share = Field(0.0, description="of the moving average of the weights; 0: none is kept")
    mixed_precision: Literal["no", "fp16", "bf16"] = Field(
        "no", description="number format of frozen layers; not set: that of accelerate's launcher"
    )
    seed: Whole = Field(33, description="of everything random")

    checkpointing_steps: Count = Field(500, description="a checkpoint every so many steps")
    checkpoints_total_limit: Count = Field(2, description="how many of the newest checkpoints are kept")
    resume_from_checkpoint: str | None = Field(
        "latest", description="latest, a checkpoint's folder, or null to start over"
    )
    validation_steps: Count = Field(250, description="a sample sheet every so many steps")
    report_to: str | None = Field(None, description="tensorboard or another of accelerate's trackers")


class NewNetworkConfig(TrainConfig):
    """Of stages that create networks."""

    train_data: WorldData = WorldData()
    model: dict[str, Any] = Field(
        {}, description="sizes of what the stage creates, by the names of diffusers"
    )


class AutoencoderConfig(NewNetworkConfig):
    """Trains a small autoencoder, in place of Stable Diffusion's."""

    stage: Literal["autoencoder"] = "autoencoder"
    crop_share: Share = Field(0.0, description="share of the steps on crops around a joint")
    initial_model: str | None = Field(
        None, description="a model whose autoencoder is taken over, also one of half the pixels a side"
    )
    decoder_only: bool = Field(
        False,
        description="train the decoder alone: latents stay as they are, so networks trained on them stay valid",
    )

    @model_validator(mode="after")
    def _check_decoder_only(self) -> Self:
        if self.decoder_only and not self.pretrained_model_path:
            raise ValueError("decoder_only continues an autoencoder: name its model in pretrained_model_path")
        return self

    @model_validator(mode="after")
    def _check_size(self) -> Self:
        self.check_sizes(
            latent_factor({})
        )  # at least; the stage checks again with the autoencoder that it opens
        return self

    def check_sizes(self, factor: int) -> None:
        """Raise InputError for pictures, or crops of half their side, that an autoencoder cannot take."""
        _check_multiple("size", self.train_data.size, factor * (2 if self.crop_share else 1))


class JudgeConfig(NewNetworkConfig):
    """Trains one of the networks that evaluate the others."""

    stage: Literal["judge_pose", "judge_classifier"]
    input_size: int = Field(
        128,
        ge=32,
        multiple_of=32,
        description="pixels a side of a judge's input; HRNet halves it five times",
    )


class DiffusionConfig(TrainConfig):
    """Of stages that train on a pipeline."""

    gradient_checkpointing: bool = Field(False, description="less memory, more time")
    text_dropout: Share = Field(
        0.1, description="share of samples trained without their caption, for guidance"
    )
    skeleton_weight: NotNegative = Field(0.0, description="additional weight of the loss near the skeleton")
    pipeline: Annotated[dict[str, Any], AfterValidator(_check_pipeline)] = Field(
        {}, description="defaults saved with the model"
    )
    validation_data: ImageValidation = ImageValidation()

    def check_sizes(self, factor: int) -> None:
        """Raise InputError for pictures that an autoencoder of this factor cannot take."""
        for name, side in self.train_data.sides:
            _check_multiple(name, side, factor)


class DenoisingConfig(DiffusionConfig):
    """Of stages that train parts of the pipeline by denoising."""

    trainable_modules: list[str] = Field([], description="parts of parameter names; none: the stage's own")
    high_noise_bias: bool = Field(
        False, description="draw more of the noisy timesteps, where the layout is decided"
    )
    snr_gamma: NotNegative | None = Field(
        None, description="min-SNR weights of the timesteps; 5 in the paper"
    )


class TextToImageConfig(DenoisingConfig, NewNetworkConfig):
    """Trains a small text-to-image model, in place of Stable Diffusion's."""

    stage: Literal["text_to_image"] = "text_to_image"
    initial_model: str | None = Field(
        None, description="a model whose layers are taken over where they fit, instead of new ones"
    )
    train_data: WorldData = WorldData()


class PosedConfig(DenoisingConfig):
    """Of stages that train the pose encoder."""

    pose_dropout: Share = Field(0.0, description="share of samples trained without their skeleton")


class PoseConfig(PosedConfig):
    """``pose`` is the paper's stage 1; ``pose_joint`` trains the pose encoder together with the image model."""

    stage: Literal["pose", "pose_joint"]
    train_data: WorldData | ImageFolderData | PictureShardsData | HubData = Field(
        WorldData(), discriminator="kind"
    )


class VideoConfig(DiffusionConfig):
    """Of stages that train on video."""

    enable_xformers_memory_efficient_attention: bool = Field(False, description="on GPUs")
    validation_data: VideoValidation = VideoValidation()


class VideoDenoisingConfig(VideoConfig, DenoisingConfig):
    """Of stages that train on noisy video."""

    noise_share: Share = Field(0.0, description="variance share of the noise common to a clip's frames")


class CaptionedVideoConfig(VideoConfig):
    """Of stages that train on captioned video, which has no skeletons unless it is of the procedural world."""

    train_data: WorldData | ClipTableData | ClipShardsData = Field(WorldData(), discriminator="kind")

    @model_validator(mode="after")
    def _check_skeleton_weight(self) -> Self:
        if self.train_data.kind != WORLD and self.skeleton_weight:
            raise InputError("skeleton_weight needs skeletons, which captioned video has not; leave it out.")
        return self


class TemporalConfig(CaptionedVideoConfig, VideoDenoisingConfig):
    """The paper's stage 2."""

    stage: Literal["temporal"] = "temporal"


class TurboConfig(CaptionedVideoConfig):
    """Trains a LoRA with which few steps without guidance replace many with guidance."""

    stage: Literal["turbo"] = "turbo"
    steps: Count = Field(4, description="denoising steps with the LoRA")
    teacher_steps: Count = Field(4, description="guided steps of the model that each of them replaces")
    guidance_scale: float | None = Field(
        None, description="of the model's guided steps; null: the model's own", allow_inf_nan=False
    )
    rank: Count = Field(64, description="of the LoRA's matrices")
    text_dropout: Share = Field(0.0, description="share of samples without their caption")


class OneStageConfig(VideoDenoisingConfig, PosedConfig):
    """Trains everything together on video with poses, to compare with the paper's two stages."""

    stage: Literal["one_stage"] = "one_stage"
    train_data: WorldData = WorldData()


def _check_multiple(name: str, side: int, multiple: int) -> None:
    if side % multiple:
        raise InputError(f"train_data.{name} is {side}, but must be a multiple of {multiple}.")


STAGE_CONFIGS: dict[str, type[TrainConfig]] = {
    stage: config
    for config in (
        AutoencoderConfig,
        TextToImageConfig,
        PoseConfig,
        TemporalConfig,
        TurboConfig,
        OneStageConfig,
        JudgeConfig,
    )
    for stage in get_args(config.model_fields["stage"].annotation)
}


def reference_rows() -> list[SettingRow]:
    """The settings of all stages, for a table; ``where`` names the stages or kinds of data that have them."""
    of_stages: dict[SettingRow, list[str]] = {}
    for stage, model in STAGE_CONFIGS.items():
        for row in setting_rows(model):
            if not row.key.startswith(("stage", "train_data.")):
                of_stages.setdefault(row, []).append(stage)
    of_kinds: dict[SettingRow, list[str]] = {}
    for data in all_data():
        for row in setting_rows(data, "train_data."):
            if row.key != "train_data.kind":
                of_kinds.setdefault(row, []).append(data_kind(data))
    everywhere = list(STAGE_CONFIGS)
    return [
        *(
            replace(row, where="" if of == everywhere else f"stage {', '.join(of)}")
            for row, of in of_stages.items()
        ),
        *(replace(row, where=f"kind {', '.join(dict.fromkeys(of))}") for row, of in of_kinds.items()),
    ]


def all_data() -> list[type[Settings]]:
    return models_in(TrainConfig.model_fields["train_data"].annotation)


def data_kind(data: type[Settings]) -> str:
    return data.model_fields["kind"].default
