"""Sentence and skeleton video in, character video out: the inference of Follow Your Pose (arXiv 2304.01186).

Follows the habits of :class:`diffusers.StableDiffusionPipeline`, whose text and image encoding it shares: LoRA,
textual inversion, IP-Adapter, single-file checkpoints and every diffusers scheduler work as they do there.
"""

from __future__ import annotations

import functools
import math
import os
import unicodedata
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import torch
from diffusers import AutoencoderKL, DiffusionPipeline, StableDiffusionPipeline, UNet2DConditionModel
from diffusers.image_processor import PipelineImageInput
from diffusers.loaders import (
    FromSingleFileMixin,
    IPAdapterMixin,
    StableDiffusionLoraLoaderMixin,
    TextualInversionLoaderMixin,
)
from diffusers.pipelines.pipeline_utils import StableDiffusionMixin
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import rescale_noise_cfg
from diffusers.schedulers import KarrasDiffusionSchedulers
from diffusers.utils import BaseOutput
from diffusers.video_processor import VideoProcessor
from PIL import Image
from torch import nn
from transformers import CLIPImageProcessor, CLIPTextModel, CLIPTokenizer, CLIPVisionModelWithProjection

from fyp_core.conditioning.conditions import Conditions
from fyp_core.conditioning.pose_features import KEPT_BYTES, PoseFeatures
from fyp_core.conditioning.prompt_travel import parse_prompt
from fyp_core.conditioning.prompt_weights import is_long, without_weights
from fyp_core.conditioning.prompts import embed_prompts
from fyp_core.conditioning.skeleton_input import (
    CheckedSkeleton,
    Skeleton,
    check_skeleton,
    fit_skeleton,
    take_frames,
)
from fyp_core.feature_cache import FeatureCache
from fyp_core.latent_size import latent_factor
from fyp_core.noise import Generators, draw_noise
from fyp_core.pose_encoder import PoseEncoder
from fyp_core.schedulers import estimate_denoised, set_timesteps
from fyp_core.unet import PoseVideoUNet
from fyp_core.weights.assemble import load_parts
from fyp_core.weights.embeddings import add_embeddings, spell_out_words
from fyp_core.weights.sources import ModelSource, is_our_model, resolve_model
from fyp_core.weights.tensors import align_weights
from fyp_core.windows import OVERLAP, WINDOW, Window, plan_windows, predict_in_windows
from fyp_media.errors import InputError, as_input_error

OUTPUT_TYPES = ("np", "pil", "pt", "latent")


StepCallback = Callable[[Any, int, Any, dict[str, Any]], dict[str, Any]]


@dataclass
class FollowYourPosePipelineOutput(BaseOutput):
    """Generated videos.

    Attributes:
        frames: by ``output_type``: ``"np"`` (B, F, H, W, 3) float in 0..1; ``"pil"`` B lists of F images;
            ``"pt"`` (B, F, 3, H, W) in 0..1; ``"latent"`` (B, C, F, h, w).
    """

    frames: np.ndarray | torch.Tensor | list[list[Image.Image]]


class FollowYourPosePipeline(
    DiffusionPipeline,
    StableDiffusionMixin,
    TextualInversionLoaderMixin,
    StableDiffusionLoraLoaderMixin,
    IPAdapterMixin,
    FromSingleFileMixin,
):
    """Pose-guided text-to-video generation.

    Args:
        vae: autoencoder between images and latents.
        text_encoder: encodes the prompt.
        tokenizer: of the text encoder.
        unet: the inflated denoising network; an image network is inflated, its temporal layers do nothing yet.
        pose_encoder: encodes the skeleton frames.
        scheduler: any diffusers scheduler.
        image_encoder: for IP-Adapter only.
        feature_extractor: for IP-Adapter only.
        default_num_inference_steps: for calls without ``num_inference_steps``; likewise the next four.
        default_guidance_scale: classifier-free guidance.
        default_guide_pose: whether guidance strengthens the pose as well as the prompt.
        default_height: pixels.
        default_width: pixels.
        default_seconds, default_fps: longest part of an input video and frames a second, where a request sets neither;
            None for eight frames, as published.
        noise_share: share of the initial noise's variance that all frames of a video have in common, 0..1
            ("mixed noise" of PYoCo, Ge et al. 2023, arXiv 2305.10474); the network must be trained with it.
        clip_length: frames of the clips the network was trained on.
        window: frames denoised together where the video is longer; see :mod:`fyp_core.windows`.
        window_overlap: frames that neighbouring windows share.

    Calling it generates one video for every prompt and returns a :class:`FollowYourPosePipelineOutput`.

    Args of a call:
        prompt: what to show; ``None`` when ``prompt_embeds`` is given. ``"0: a man | 60: a robot"`` changes it
            during the video, see :mod:`fyp_core.conditioning.prompt_travel`.
        skeleton: one skeleton picture a frame: (F, H, W, 3) uint8 RGB, compressed or not, a list of PIL images, or a
            tensor (F, 3, H, W) in 0..1. Another size is resized by its shorter side and cropped to the centre.
            With one dimension more in front: one skeleton video for each prompt.
        height: in pixels, a multiple of the autoencoder's factor; ``None`` takes the model's own.
        width: as ``height``.
        num_inference_steps: denoising steps; ``None`` takes the model's own.
        timesteps: these instead of the scheduler's own spacing; a scheduler that cannot take them is refused.
        sigmas: noise levels instead, likewise.
        guidance_scale: weight of the prompt; ``None`` takes the model's own. Up to 1 the work is halved and
            the negative prompt has no effect.
        guidance_rescale: share, 0..1, by which the standard deviation of the guided prediction is moved to that of
            the conditional one, against too strong contrast (Lin et al. 2023, arXiv 2305.08891, section 3.4).
        guidance_end: share of the steps, 0..1, after which guidance is off, which halves the work of the rest
            (Kynkäänniemi et al. 2024, arXiv 2404.07724).
        negative_prompt: what to avoid.
        eta: DDIM's share of fresh noise a step, 0..1; other schedulers ignore it.
        pose_scale: strength of the skeleton; 0 switches it off.
        guide_pose: leave the pose, too, out of the unconditional prediction, so that guidance strengthens it
            as it does the prompt; ``None`` takes the model's own. The published code does not.
        window: frames denoised together where the video is longer; ``None`` takes the model's own.
        window_overlap: frames that neighbouring windows share; ``None`` takes the model's own.
        full_steps: numbers of the steps in which the whole network is computed; in the others the deep features
            of the last such step are used again; see :mod:`fyp_core.feature_cache`. ``None`` for all.
        clips_at_once: clips that the network computes in a pass: windows, and the two of guidance; fewer take less
            memory, more are faster where the device is not busy with one. ``None`` for one window with guidance.
        generator: source of all randomness, one for all prompts or one each; one on the CPU gives the same
            noise on every device.
        latents: (B, C, F, h, w) initial noise instead of drawn noise.
        prompt_embeds: (B, L, D) in place of ``prompt``.
        negative_prompt_embeds: (B, L, D) in place of ``negative_prompt``.
        ip_adapter_image: picture of a character or style, with ``load_ip_adapter``.
        ip_adapter_image_embeds: its embeddings in place of it.
        output_type: ``"np"``, ``"pil"``, ``"pt"`` or ``"latent"``; see the output class.
        decode_chunk_size: frames the autoencoder decodes at once.
        callback_on_step_end: called as ``callback(pipeline, step, timestep, tensors)`` after every step,
            returns the tensors to replace. It may set ``pipeline.guidance_scale`` for the steps that follow, raise
            to give up, or set ``pipeline.interrupt = True`` to stop denoising and decode what is there.
        callback_on_step_end_tensor_inputs: names of the tensors it gets: ``latents``, ``prompt_embeds``, and
            ``denoised``, an early estimate of the last latents, which cannot be replaced.
        return_dict: return a tuple when false.
    """

    # A network that runs takes the one before it off the device, so a call runs them in this order.
    model_cpu_offload_seq = "text_encoder->image_encoder->pose_encoder->unet->vae"
    _optional_components: ClassVar[list[str]] = ["image_encoder", "feature_extractor"]
    _callback_tensor_inputs: ClassVar[list[str]] = ["latents", "prompt_embeds", "denoised"]

    encode_prompt = StableDiffusionPipeline.encode_prompt
    encode_image = StableDiffusionPipeline.encode_image
    prepare_ip_adapter_image_embeds = StableDiffusionPipeline.prepare_ip_adapter_image_embeds
    prepare_extra_step_kwargs = StableDiffusionPipeline.prepare_extra_step_kwargs

    def __init__(
        self,
        vae: AutoencoderKL,
        text_encoder: CLIPTextModel,
        tokenizer: CLIPTokenizer,
        unet: UNet2DConditionModel,
        pose_encoder: PoseEncoder,
        scheduler: KarrasDiffusionSchedulers,
        image_encoder: CLIPVisionModelWithProjection | None = None,
        feature_extractor: CLIPImageProcessor | None = None,
        default_num_inference_steps: int = 50,
        default_guidance_scale: float = 12.5,
        default_guide_pose: bool = False,
        default_height: int = 512,
        default_width: int = 512,
        default_seconds: float | None = None,
        default_fps: float | None = None,
        noise_share: float = 0.0,
        clip_length: int = 8,
        window: int = WINDOW,
        window_overlap: int = OVERLAP,
    ) -> None:
        super().__init__()
        self.register_modules(
            vae=vae,
            text_encoder=text_encoder,
            tokenizer=tokenizer,
            unet=unet if isinstance(unet, PoseVideoUNet) else PoseVideoUNet.from_unet2d(unet),
            pose_encoder=pose_encoder,
            scheduler=scheduler,
            image_encoder=image_encoder,
            feature_extractor=feature_extractor,
        )
        self.register_to_config(
            default_num_inference_steps=default_num_inference_steps,
            default_guidance_scale=default_guidance_scale,
            default_guide_pose=default_guide_pose,
            default_height=default_height,
            default_width=default_width,
            default_seconds=default_seconds,
            default_fps=default_fps,
            noise_share=noise_share,
            clip_length=clip_length,
            window=window,
            window_overlap=window_overlap,
        )
        self.vae_scale_factor = latent_factor(vae.config)
        self.video_processor = VideoProcessor(vae_scale_factor=self.vae_scale_factor)
        self._guidance_scale = default_guidance_scale
        self._guidance_rescale = 0.0
        self._interrupt = False
        self.lora_words: list[str] = []  # embeddings that LoRA files have brought along
        # Weights that LoRAs are merged into, and what these were before.
        self.unmerged_weights: list[tuple[torch.Tensor, torch.Tensor]] = []

    @classmethod
    def from_pretrained(cls, name: str | os.PathLike[str], **kwargs: Any) -> Self:
        """Load as every diffusers pipeline; computes exactly what the saved pipeline computed.

        Args:
            name: a folder or hub id in diffusers layout; or what :func:`fyp_core.weights.sources.resolve_model` knows,
                for example ``"followyourpose-v1"`` or the folder of the published checkpoints.
            kwargs: as of :meth:`diffusers.DiffusionPipeline.from_pretrained`; of the published layout, ``dtype``
                and parts in place of the model's own.

        Raises:
            InputError: such a model cannot be found or loaded.
        """
        if is_our_model(name):
            source = resolve_model(name, has_gpu=torch.cuda.is_available())
            options = dict(kwargs)
            dtype = options.pop("dtype", options.pop("torch_dtype", torch.float32))
            if not options or source.base != source.layout:
                return cls.from_source(source, dtype, **options)
            name = source.base  # diffusers alone can load it, with its own options
        pipeline = super().from_pretrained(name, **kwargs)
        for component in pipeline.components.values():
            if isinstance(component, nn.Module):
                align_weights(component)
        return pipeline

    @classmethod
    def from_source(
        cls, source: ModelSource, dtype: torch.dtype = torch.float32, **replacements: Any
    ) -> Self:
        """Load what :func:`fyp_core.weights.sources.resolve_model` has found, onto the CPU.

        Args:
            source: where the parts are.
            dtype: of the weights.
            replacements: components and settings in place of the model's own.

        Raises:
            InputError: a file is missing, damaged or does not belong to such a model.
        """
        parts = load_parts(source, dtype)
        with as_input_error(f"The model {source.name} cannot be loaded"):
            pipeline = cls(**(parts | replacements))
        add_embeddings(pipeline, source.embeddings)
        return pipeline

    @property
    def guidance_scale(self) -> float:
        """Weight of the prompt in this call; a callback may set it for the steps that follow."""
        return self._guidance_scale

    @guidance_scale.setter
    def guidance_scale(self, scale: float) -> None:
        self._guidance_scale = scale

    @property
    def do_classifier_free_guidance(self) -> bool:
        return self._guidance_scale > 1

    @property
    def interrupt(self) -> bool:
        """Whether denoising stops after this step; a callback may set it."""
        return self._interrupt

    @interrupt.setter
    def interrupt(self, value: bool) -> None:
        self._interrupt = value  # diffusers' own name, which callbacks written for its pipelines set

    @torch.no_grad()
    def __call__(
        self,
        prompt: str | list[str] | None,
        skeleton: Skeleton,
        *,
        height: int | None = None,
        width: int | None = None,
        num_inference_steps: int | None = None,
        timesteps: Sequence[int] | None = None,
        sigmas: Sequence[float] | None = None,
        guidance_scale: float | None = None,
        guidance_rescale: float = 0.0,
        guidance_end: float = 1.0,
        negative_prompt: str | list[str] | None = None,
        eta: float = 0.0,
        pose_scale: float = 1.0,
        guide_pose: bool | None = None,
        window: int | None = None,
        window_overlap: int | None = None,
        full_steps: Collection[int] | None = None,
        clips_at_once: int | None = None,
        generator: Generators = None,
        latents: torch.Tensor | None = None,
        prompt_embeds: torch.Tensor | None = None,
        negative_prompt_embeds: torch.Tensor | None = None,
        ip_adapter_image: PipelineImageInput | None = None,
        ip_adapter_image_embeds: list[torch.Tensor] | None = None,
        output_type: str = "np",
        decode_chunk_size: int = 8,
        callback_on_step_end: StepCallback | None = None,
        callback_on_step_end_tensor_inputs: Sequence[str] = ("latents",),
        return_dict: bool = True,
    ) -> Any:
        """Generate one video for every prompt, all following the same skeleton video or each its own.

        The class describes the arguments.

        Raises:
            InputError: an argument is of a wrong shape, type or range; the message says which.
        """
        config = self.config
        height = config.default_height if height is None else height
        width = config.default_width if width is None else width
        steps = config.default_num_inference_steps if num_inference_steps is None else num_inference_steps
        window = config.window if window is None else window
        window_overlap = config.window_overlap if window_overlap is None else window_overlap
        self._guidance_scale = config.default_guidance_scale if guidance_scale is None else guidance_scale
        self._guidance_rescale = guidance_rescale
        self._interrupt = False
        self.check_inputs(prompt, prompt_embeds, height, width, steps, output_type, decode_chunk_size)
        self._check_callback_inputs(callback_on_step_end_tensor_inputs)
        _check_shares(guidance_rescale=guidance_rescale, guidance_end=guidance_end)
        skeleton = check_skeleton(skeleton)
        frames = skeleton.shape[-4]
        device = self._execution_device
        windows = [one.to(device) for one in plan_windows(frames, window, window_overlap)]
        prompts = [prompt] if isinstance(prompt, str) else prompt
        videos = _count_videos(prompts, prompt_embeds, skeleton)
        conditions = Conditions(
            text=embed_prompts(self, prompts, negative_prompt, prompt_embeds, negative_prompt_embeds, frames),
            images=self._embed_images(ip_adapter_image, ip_adapter_image_embeds, videos),
            pose=self.pose_features(skeleton, height, width, pose_scale, window),
            guide_pose=config.default_guide_pose if guide_pose is None else guide_pose,
        )
        set_timesteps(self.scheduler, steps, timesteps, sigmas)
        size = (height // self.vae_scale_factor, width // self.vae_scale_factor)
        latents = self.prepare_latents(videos, frames, size, generator, latents, window, window_overlap)
        network = FeatureCache(self.unet, full_steps, clips_at_once, in_host=len(windows) > 1)
        step_kwargs = self.prepare_extra_step_kwargs(generator, eta)
        callback = (callback_on_step_end, callback_on_step_end_tensor_inputs)
        clips = videos * (2 if self.do_classifier_free_guidance else 1)
        at_once = max(1, (clips_at_once or clips) // clips)
        latents = self._denoise(
            latents, conditions, windows, at_once, network, guidance_end, step_kwargs, *callback
        )
        is_latent = output_type == "latent"
        video = latents if is_latent else self.decode_latents(latents, decode_chunk_size, output_type)
        self.maybe_free_model_hooks()
        return FollowYourPosePipelineOutput(frames=video) if return_dict else (video,)

    def _denoise(
        self,
        latents: torch.Tensor,
        conditions: Conditions,
        windows: list[Window],
        at_once: int,
        network: FeatureCache,
        guidance_end: float,
        step_kwargs: dict[str, Any],
        callback: StepCallback | None,
        callback_tensors: Sequence[str],
    ) -> torch.Tensor:
        """All steps of the scheduler; what the callback returns takes the place of latents and text."""
        timesteps = self.scheduler.timesteps  # on the host, where schedulers look them up
        for_network = timesteps.to(latents.device)
        guided_steps = math.ceil(guidance_end * len(timesteps))
        with self.progress_bar(total=len(timesteps)) as progress_bar:
            for step, t in enumerate(timesteps):
                if step == guided_steps:
                    self._guidance_scale = 1.0
                levels = (t, for_network[step])
                predict = functools.partial(self.predict_noise, network, step, levels, conditions)
                noise = predict_in_windows(predict, latents, windows, at_once)
                tensors = {}
                if "denoised" in callback_tensors:
                    tensors["denoised"] = estimate_denoised(self.scheduler, latents, noise, t)
                latents = self.scheduler.step(noise, t, latents, **step_kwargs, return_dict=False)[0]
                if callback is not None:
                    tensors |= {"latents": latents, "prompt_embeds": conditions.text}
                    chosen = {name: tensors[name] for name in callback_tensors}
                    tensors |= callback(self, step, t, chosen) or {}
                    latents, conditions.text = tensors["latents"], tensors["prompt_embeds"]
                progress_bar.update()
                if self.interrupt:
                    break
        return latents

    def predict_noise(
        self,
        network: FeatureCache,
        step: int,
        timesteps: tuple[torch.Tensor, torch.Tensor],
        conditions: Conditions,
        latents: torch.Tensor,
        windows: Sequence[Window],
    ) -> torch.Tensor:
        """Classifier-free guided prediction of the network (Ho and Salimans 2022, arXiv 2207.12598).

        Args:
            network: the denoising network.
            step: number of the denoising step.
            timesteps: its timestep, on the host for the scheduler and on the device for the network.
            conditions: of the whole video.
            latents: (W, B, C, f, h, w), of the windows' frames.
            windows: the frames.

        Returns:
            (W, B, C, f, h, w) float32.
        """
        guided = self.do_classifier_free_guidance
        inputs = latents[:, None].expand(-1, 2 if guided else 1, *latents.shape[1:])  # w p b c f h w
        sample = self.scheduler.scale_model_input(inputs.flatten(0, 2), timesteps[0]).to(self.unet.dtype)
        numbers = [window.number for window in windows]
        arguments = conditions.for_pass(sample, windows, latents.shape[1], network.is_full(step, numbers))
        noise = network.predict(step, numbers, arguments, timesteps[1]).float().view(inputs.shape)
        if not guided:
            return noise[:, 0]
        unconditional, conditional = noise.unbind(1)
        noise = unconditional + self.guidance_scale * (conditional - unconditional)
        if self._guidance_rescale > 0:
            noise = rescale_noise_cfg(noise, conditional, self._guidance_rescale)
        return noise

    def pose_features(
        self, skeleton: CheckedSkeleton, height: int, width: int, pose_scale: float, window: int
    ) -> PoseFeatures | None:
        """Features that are encoded as windows need them; ``None`` at scale 0. Arguments as of :meth:`encode_pose`."""
        if pose_scale == 0:
            return None
        frames = skeleton.shape[-4]
        encode = functools.partial(self.encode_pose, skeleton, height, width, pose_scale, window)
        return PoseFeatures(encode, frames, in_host=frames > window, budget=KEPT_BYTES)

    def encode_pose(
        self,
        skeleton: CheckedSkeleton,
        height: int,
        width: int,
        pose_scale: float,
        chunk: int,
        first: int = 0,
        stop: int | None = None,
    ) -> list[torch.Tensor]:
        """Pose features, one level a down block.

        Args:
            skeleton: see :func:`check_skeleton`.
            height: of the video, in pixels.
            width: likewise.
            pose_scale: factor of the features.
            chunk: frames encoded at once.
            first: of the frames that are encoded, and the one behind the last; by default all are.
            stop: likewise.

        Returns:
            Levels (V, f, c, h, w), V = 1 for a single skeleton video.
        """
        frames = take_frames(skeleton, first, stop)
        parts = [
            self.pose_encoder(
                fit_skeleton(part, height, width).to(self._execution_device, self.pose_encoder.dtype)
            )
            for part in frames.flatten(0, -4).split(chunk)
        ]
        levels = [torch.cat(level).to(self.unet.dtype) * pose_scale for level in zip(*parts, strict=True)]
        return [level.unflatten(0, (-1, frames.shape[-4])) for level in levels]

    def prepare_latents(
        self,
        videos: int,
        frames: int,
        size: tuple[int, int],
        generator: Generators,
        latents: torch.Tensor | None = None,
        window: int = WINDOW,
        window_overlap: int = OVERLAP,
    ) -> torch.Tensor:
        """Initial noise at the scheduler's scale, (videos, C, frames, *size) float32.

        Raises:
            InputError: ``latents`` are of another shape.
        """
        shape = (videos, self.unet.config.in_channels, frames, *size)
        if latents is None:
            stride = window - window_overlap
            latents = draw_noise(shape, generator, self.config.noise_share, window, stride)
        elif latents.shape != shape:
            raise InputError(f"`latents` has shape {tuple(latents.shape)}; this call needs {shape}.")
        return latents.to(self._execution_device, torch.float32) * self.scheduler.init_noise_sigma

    @torch.no_grad()
    def decode_latents(self, latents: torch.Tensor, chunk_size: int, output_type: str = "np") -> Any:
        """Decode (B, C, F, h, w) latents, ``chunk_size`` frames at a time."""
        config = self.vae.config
        latents = latents / config.scaling_factor + (getattr(config, "shift_factor", None) or 0.0)
        frames = latents.transpose(1, 2).flatten(0, 1).to(self.vae.dtype)  # (b f) c h w
        images = [
            self.vae.decode(chunk, return_dict=False)[0].float().cpu() for chunk in frames.split(chunk_size)
        ]
        video = torch.cat(images).unflatten(0, (len(latents), -1)).transpose(1, 2)
        return self.video_processor.postprocess_video(video, output_type)

    def maybe_convert_prompt(self, prompt: str | list[str], tokenizer: CLIPTokenizer) -> str | list[str]:
        """As in diffusers, which finds only those words of several vectors that have no capitals."""
        if isinstance(prompt, list):
            return [spell_out_words(one, tokenizer) for one in prompt]
        return spell_out_words(prompt, tokenizer)

    def unknown_words(self, prompt: str) -> list[str]:
        """The words of a prompt that are not in the tokenizer's vocabulary and so cannot change the video."""
        prompt = without_weights(" ".join(parse_prompt(prompt).prompts))
        encoding = self.tokenizer(prompt, add_special_tokens=False, return_offsets_mapping=True)
        pieces = zip(encoding["input_ids"], encoding["offset_mapping"], strict=True)
        words = [prompt[start:end] for token, (start, end) in pieces if token == self.tokenizer.unk_token_id]
        return list(dict.fromkeys(word for word in words if any(map(_is_meant, word))))

    def is_long(self, prompt: str) -> bool:
        """Whether a prompt, or one that it changes to, has more tokens than the text encoder reads at once."""
        parts = self.maybe_convert_prompt(list(parse_prompt(prompt).prompts), self.tokenizer)
        return any(is_long(part, self.tokenizer) for part in parts)

    def check_inputs(
        self,
        prompt: str | list[str] | None,
        prompt_embeds: torch.Tensor | None,
        height: int,
        width: int,
        num_inference_steps: int,
        output_type: str,
        decode_chunk_size: int,
    ) -> None:
        """Raise :class:`InputError` for arguments that cannot work, before any work is done."""
        if (prompt is None) == (prompt_embeds is None):
            raise InputError("Give either a prompt or `prompt_embeds`.")
        prompts = [prompt] if isinstance(prompt, str) else prompt
        if prompts is not None and not (prompts and all(isinstance(p, str) and p.strip() for p in prompts)):
            raise InputError("The prompt is empty; describe what the video should show.")
        factor = self.vae_scale_factor
        if min(height, width) < factor or height % factor or width % factor:
            raise InputError(
                f"Height and width must be positive multiples of {factor} pixels, not {height} × {width}."
            )
        if num_inference_steps < 1:
            raise InputError(f"The number of denoising steps must be at least 1, not {num_inference_steps}.")
        if not math.isfinite(self.guidance_scale):
            raise InputError(f"The guidance scale must be a finite number, not {self.guidance_scale}.")
        if output_type not in OUTPUT_TYPES:
            raise InputError(f"`output_type` must be one of {', '.join(OUTPUT_TYPES)}, not {output_type!r}.")
        if decode_chunk_size < 1:
            raise InputError(f"`decode_chunk_size` must be at least 1 frame, not {decode_chunk_size}.")

    def _embed_images(
        self, pictures: PipelineImageInput | None, embeddings: list[torch.Tensor] | None, videos: int
    ) -> list[torch.Tensor]:
        """What IP-Adapter adds: embeddings of its pictures, with guidance the unconditional ones first."""
        is_given = pictures is not None or embeddings is not None
        if is_given != (self.unet.encoder_hid_proj is not None):
            raise InputError(
                "A reference picture and an IP-Adapter go together: call `load_ip_adapter` before, or"
                " `unload_ip_adapter` where there is no picture."
            )
        if not is_given:
            return []
        return self.prepare_ip_adapter_image_embeds(
            pictures, embeddings, self._execution_device, videos, self.do_classifier_free_guidance
        )

    def _check_callback_inputs(self, names: Sequence[str]) -> None:
        unknown = set(names) - set(self._callback_tensor_inputs)
        if unknown:
            raise InputError(f"Callbacks can get {self._callback_tensor_inputs}, not {sorted(unknown)}.")


def _check_shares(**shares: float) -> None:
    for name, share in shares.items():
        if not 0 <= share <= 1:
            raise InputError(f"`{name}` is {share}, but must lie in 0..1.")


def _count_videos(
    prompts: list[str] | None, prompt_embeds: torch.Tensor | None, skeleton: CheckedSkeleton
) -> int:
    """How many videos the prompts ask for; InputError where the skeleton videos are not one, or one each."""
    asked = prompt_embeds if prompts is None else prompts
    videos = 0 if asked is None else len(asked)
    if len(skeleton.shape) == 5 and len(skeleton) != videos:
        raise InputError(
            f"There are {len(skeleton)} skeleton videos for {videos} prompts; give one, or one each."
        )
    return videos


def _is_meant(letter: str) -> bool:
    """Whether a character says something: a letter, a number or a picture such as an emoji, but no punctuation."""
    return letter.isalnum() or unicodedata.category(letter) == "So"
