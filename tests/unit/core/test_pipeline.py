"""What users of the pipeline rely on: same seed, same video; every control works; bad input is named."""

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    HeunDiscreteScheduler,
    LCMScheduler,
    PNDMScheduler,
    UNet2DConditionModel,
    UniPCMultistepScheduler,
)
from diffusers.models.attention import BasicTransformerBlock
from PIL import Image

from benchmarks.random_model import SCHEDULER, clip_tokenizer
from fyp_core.conditioning.compressed_frames import CompressedFrames
from fyp_core.conditioning.skeleton_input import skeleton_to_tensor
from fyp_core.pipeline import FollowYourPosePipeline
from fyp_core.unet import PoseVideoUNet
from fyp_media.errors import InputError
from tests.tiny_model import SIZE, ZERO_SNR, build_pipeline

FRAMES = 3
PROMPT = "a robot dances on the moon"


@pytest.fixture(scope="module")
def pipeline() -> FollowYourPosePipeline:
    return build_pipeline()


def skeleton(frames: int = FRAMES, size: int = SIZE) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (frames, size, size, 3), np.uint8)


def seed(value: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(value)


def generate(pipeline: FollowYourPosePipeline, **kwargs: Any) -> np.ndarray:
    arguments = {"prompt": PROMPT, "skeleton": skeleton(), "generator": seed(), **kwargs}
    return pipeline(**arguments).frames


class UNetCounter:
    """Counts passes of the network and the clips in each."""

    def __init__(self, pipeline: FollowYourPosePipeline, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clips: list[int] = []
        self.frames: list[int] = []
        forward = pipeline.unet.forward

        def counted(sample: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
            self.clips.append(sample.shape[0])
            self.frames.append(sample.shape[2])
            return forward(sample, *args, **kwargs)

        monkeypatch.setattr(pipeline.unet, "forward", counted)


# --- what comes out


@pytest.mark.parametrize("frames", [1, 2, 9])
def test_one_picture_for_every_skeleton(pipeline: FollowYourPosePipeline, frames: int) -> None:
    video = generate(pipeline, skeleton=skeleton(frames))
    assert video.shape == (1, frames, SIZE, SIZE, 3)
    assert video.min() >= 0
    assert video.max() <= 1
    assert video.std() > 0


def test_output_types_show_the_same_video(pipeline: FollowYourPosePipeline) -> None:
    array = generate(pipeline)
    images = generate(pipeline, output_type="pil")
    tensor = generate(pipeline, output_type="pt")
    latents = generate(pipeline, output_type="latent")
    assert np.array_equal(np.asarray(images[0][1]), (array[0, 1] * 255).round().astype(np.uint8))
    np.testing.assert_array_equal(tensor.permute(0, 1, 3, 4, 2).numpy(), array)
    assert latents.shape == (1, 4, FRAMES, SIZE // 8, SIZE // 8)
    assert np.array_equal(pipeline.decode_latents(latents, 8), array)
    assert isinstance(pipeline(PROMPT, skeleton(), return_dict=False), tuple)


def test_frames_may_be_decoded_in_chunks_of_any_size(pipeline: FollowYourPosePipeline) -> None:
    whole, single = generate(pipeline, decode_chunk_size=9), generate(pipeline, decode_chunk_size=1)
    np.testing.assert_allclose(whole, single, atol=1e-5)


def test_several_prompts_give_several_videos(pipeline: FollowYourPosePipeline) -> None:
    prompts = [PROMPT, "a knight jumps on the beach"]
    both = generate(pipeline, prompt=prompts, generator=[seed(1), seed(2)])
    second = generate(pipeline, prompt=prompts[1], generator=seed(2))
    np.testing.assert_allclose(both[1], second[0], atol=1e-4)


def test_every_prompt_may_follow_its_own_skeletons(pipeline: FollowYourPosePipeline) -> None:
    prompts = [PROMPT, "a knight jumps on the beach"]
    two = np.stack([skeleton(), 255 - skeleton()])
    both = generate(pipeline, prompt=prompts, skeleton=two, generator=[seed(1), seed(2)])
    for video, prompt, own, number in zip(both, prompts, two, (1, 2)):
        alone = generate(pipeline, prompt=prompt, skeleton=own, generator=seed(number))
        np.testing.assert_allclose(video, alone[0], atol=1e-4)


def test_not_square(pipeline: FollowYourPosePipeline) -> None:
    assert generate(pipeline, height=24, width=40).shape == (1, FRAMES, 24, 40, 3)


# --- seeds


def test_same_seed_same_video_whatever_ran_before(pipeline: FollowYourPosePipeline) -> None:
    first = generate(pipeline)
    generate(pipeline, skeleton=skeleton(5), guidance_scale=1.0, num_inference_steps=3, generator=seed(7))
    torch.manual_seed(123)
    assert np.array_equal(generate(pipeline), first)


def test_another_seed_another_video(pipeline: FollowYourPosePipeline) -> None:
    assert not np.allclose(generate(pipeline), generate(pipeline, generator=seed(1)), atol=1e-3)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_noise_shared_between_frames(share: float) -> None:
    noise = build_pipeline(noise_share=share).prepare_latents(2, 4, (64, 64), seed())
    first, second = noise[:, :, 0].flatten(), noise[:, :, 1].flatten()
    assert noise.var().item() == pytest.approx(1, abs=0.05)
    assert torch.corrcoef(torch.stack([first, second]))[0, 1].item() == pytest.approx(share, abs=0.05)


# --- controls


@pytest.mark.parametrize(("guidance", "clips"), [(3.0, 2), (1.0, 1), (0.0, 1)])
def test_guidance_up_to_one_halves_the_work(
    pipeline: FollowYourPosePipeline, monkeypatch: pytest.MonkeyPatch, guidance: float, clips: int
) -> None:
    counter = UNetCounter(pipeline, monkeypatch)
    generate(pipeline, guidance_scale=guidance, num_inference_steps=3)
    assert counter.clips == [clips] * 3


@pytest.mark.parametrize(
    ("end", "clips"), [(1.0, [2] * 4), (0.5, [2, 2, 1, 1]), (0.3, [2, 2, 1, 1]), (0.0, [1] * 4)]
)
def test_guidance_may_end_early(
    pipeline: FollowYourPosePipeline, monkeypatch: pytest.MonkeyPatch, end: float, clips: list[int]
) -> None:
    counter = UNetCounter(pipeline, monkeypatch)
    generate(pipeline, guidance_end=end, num_inference_steps=4)
    assert counter.clips == clips


def test_timesteps_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = build_pipeline(scheduler=DPMSolverMultistepScheduler(**SCHEDULER))
    counter = UNetCounter(pipeline, monkeypatch)
    video = generate(pipeline, timesteps=[900, 500, 20])
    assert len(counter.clips) == 3
    assert not np.allclose(video, generate(pipeline, num_inference_steps=3), atol=1e-4)


def test_pose_features_are_computed_once_a_video(
    pipeline: FollowYourPosePipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches = []
    forward = pipeline.pose_encoder.forward
    monkeypatch.setattr(pipeline.pose_encoder, "forward", lambda x: batches.append(len(x)) or forward(x))
    generate(pipeline, prompt=[PROMPT, PROMPT], num_inference_steps=3)
    assert batches == [FRAMES]


@pytest.mark.parametrize(
    "change",
    [
        {"prompt": "a knight jumps"},
        {"negative_prompt": "beach"},
        {"skeleton": 255 - skeleton()},
        {"guidance_scale": 6.0},
        {"guidance_rescale": 0.7},
        {"guidance_end": 0.5},
        {"pose_scale": 0.5},
        {"pose_scale": 0.0},
        {"guide_pose": True},
        {"num_inference_steps": 3},
        {"eta": 1.0},
    ],
    ids=lambda change: "-".join(f"{key}" for key in change),
)
def test_every_control_changes_the_video(pipeline: FollowYourPosePipeline, change: dict[str, Any]) -> None:
    difference = np.abs(generate(pipeline) - generate(pipeline, **change)).max()
    assert difference > 1e-4


def test_pose_scale_zero_ignores_the_skeleton(pipeline: FollowYourPosePipeline) -> None:
    one = generate(pipeline, pose_scale=0.0)
    assert np.array_equal(one, generate(pipeline, pose_scale=0.0, skeleton=255 - skeleton()))


def test_guidance_strengthens_the_pose_where_asked(pipeline: FollowYourPosePipeline) -> None:
    """With the prompt as the negative prompt there is nothing but the pose to strengthen."""
    plain, strong, stronger, unguided = (
        generate(pipeline, negative_prompt=PROMPT, guidance_scale=scale, guide_pose=guide)
        for scale, guide in ((3.0, False), (3.0, True), (6.0, True), (1.0, True))
    )
    assert np.allclose(plain, unguided, atol=1e-4)
    assert np.abs(strong - unguided).max() > 1e-3
    assert np.abs(stronger - unguided).max() > np.abs(strong - unguided).max()
    both = generate(pipeline, prompt=[PROMPT, "a knight"], guide_pose=True, generator=[seed(), seed()])
    assert np.allclose(both[:1], generate(pipeline, guide_pose=True), atol=1e-4)


def test_defaults_come_from_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = build_pipeline(
        default_height=40, default_width=24, default_num_inference_steps=4, default_guidance_scale=1.0
    )
    counter = UNetCounter(pipeline, monkeypatch)
    assert generate(pipeline).shape == (1, FRAMES, 40, 24, 3)
    assert counter.clips == [1] * 4


@pytest.mark.parametrize(
    "scheduler",
    [
        DDIMScheduler(**SCHEDULER),
        DPMSolverMultistepScheduler(**SCHEDULER),
        DPMSolverMultistepScheduler(**ZERO_SNR),
        EulerDiscreteScheduler(**ZERO_SNR),
        EulerAncestralDiscreteScheduler(**SCHEDULER),
        HeunDiscreteScheduler(**SCHEDULER),
        LCMScheduler(**SCHEDULER),
        PNDMScheduler(**SCHEDULER, skip_prk_steps=True),
        UniPCMultistepScheduler(**SCHEDULER),
    ],
    ids=lambda scheduler: type(scheduler).__name__,
)
def test_any_scheduler(scheduler: Any) -> None:
    pipeline = build_pipeline(scheduler=scheduler)
    first = generate(pipeline, num_inference_steps=4)
    assert np.isfinite(first).all()
    assert np.array_equal(generate(pipeline, num_inference_steps=4), first)


def test_network_sees_unit_variance_whatever_the_schedulers_scale(monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = build_pipeline(
        scheduler=EulerDiscreteScheduler(**SCHEDULER), default_height=256, default_width=256
    )
    inputs = []
    forward = pipeline.unet.forward
    monkeypatch.setattr(pipeline.unet, "forward", lambda x, *a, **k: inputs.append(x) or forward(x, *a, **k))
    generate(pipeline, num_inference_steps=2)
    assert inputs[0].std().item() == pytest.approx(1, abs=0.05)


def test_latents_are_decoded_at_the_autoencoders_scale() -> None:
    pipeline = build_pipeline()
    pipeline.vae.register_to_config(scaling_factor=0.5, shift_factor=0.25)
    latents = torch.randn(2, 4, FRAMES, 4, 4, generator=seed())
    video = pipeline.decode_latents(latents, chunk_size=2)
    with torch.no_grad():
        second = pipeline.vae.decode(latents[1].transpose(0, 1) * 2 + 0.25).sample
    expected = (second / 2 + 0.5).clamp(0, 1).permute(0, 2, 3, 1).numpy()
    np.testing.assert_allclose(video[1], expected, atol=1e-5)


def test_callback_sees_every_step_and_may_change_the_latents(pipeline: FollowYourPosePipeline) -> None:
    steps = []

    def blank(
        pipe: FollowYourPosePipeline, step: int, t: torch.Tensor, tensors: dict[str, Any]
    ) -> dict[str, Any]:
        steps.append(step)
        return {"latents": torch.zeros_like(tensors["latents"])}

    latents = generate(pipeline, num_inference_steps=4, callback_on_step_end=blank, output_type="latent")
    assert steps == [0, 1, 2, 3]
    assert latents.abs().max() == 0


def test_callback_can_stop_within_one_step(
    pipeline: FollowYourPosePipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    counter = UNetCounter(pipeline, monkeypatch)

    def stop(
        pipe: FollowYourPosePipeline, step: int, t: torch.Tensor, tensors: dict[str, Any]
    ) -> dict[str, Any]:
        pipe.interrupt = step == 1
        return tensors

    assert generate(pipeline, num_inference_steps=9, callback_on_step_end=stop).shape[1] == FRAMES
    assert len(counter.clips) == 2
    generate(pipeline, num_inference_steps=3)
    assert len(counter.clips) == 2 + 3  # the next run is not interrupted


def test_callback_can_switch_guidance_off(
    pipeline: FollowYourPosePipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    counter = UNetCounter(pipeline, monkeypatch)

    def cut_off(
        pipe: FollowYourPosePipeline, step: int, t: torch.Tensor, tensors: dict[str, Any]
    ) -> dict[str, Any]:
        pipe.guidance_scale = 0.0
        return {"prompt_embeds": tensors["prompt_embeds"][-1:]}

    generate(
        pipeline,
        num_inference_steps=3,
        callback_on_step_end=cut_off,
        callback_on_step_end_tensor_inputs=["latents", "prompt_embeds"],
    )
    assert counter.clips == [2, 1, 1]


# --- IP-Adapter


def test_ip_adapter_comes_and_goes() -> None:
    pipeline = build_pipeline()
    before = generate(pipeline, guidance_scale=1.0)
    text_width, image_width = pipeline.unet.config.cross_attention_dim, 6
    projection = {
        "proj.weight": torch.randn(4 * text_width, image_width),
        "proj.bias": torch.zeros(4 * text_width),
        "norm.weight": torch.ones(text_width),
        "norm.bias": torch.zeros(text_width),
    }
    widths = [module.dim for module in pipeline.unet.modules() if isinstance(module, BasicTransformerBlock)]
    attention = {
        f"{2 * i + 1}.to_{kind}_ip.weight": torch.randn(width, text_width)
        for i, width in enumerate(widths)
        for kind in "kv"
    }
    weights = {"image_proj": projection, "ip_adapter": attention}
    pipeline.load_ip_adapter(weights, subfolder="", weight_name="", image_encoder_folder=None)
    adapted = generate(pipeline, guidance_scale=1.0, ip_adapter_image_embeds=[torch.randn(1, 1, image_width)])
    assert not np.allclose(adapted, before, atol=1e-3)
    pipeline.unload_ip_adapter()
    np.testing.assert_array_equal(generate(pipeline, guidance_scale=1.0), before)


# --- text


def test_embeddings_in_place_of_prompts(pipeline: FollowYourPosePipeline) -> None:
    device = torch.device("cpu")
    embeds, negative_embeds = pipeline.encode_prompt(PROMPT, device, 1, True, "beach")
    by_text = generate(pipeline, negative_prompt="beach")
    by_embeds = generate(pipeline, prompt=None, prompt_embeds=embeds, negative_prompt_embeds=negative_embeds)
    assert np.array_equal(by_embeds, by_text)


def test_unknown_words_are_named(pipeline: FollowYourPosePipeline, caplog: pytest.LogCaptureFixture) -> None:
    assert pipeline.unknown_words("A Dragon, dances on the dragon moon!") == ["Dragon", "dragon"]
    assert pipeline.unknown_words(PROMPT) == []
    assert pipeline.unknown_words("a robot on the 🏖 dances!") == ["🏖"]
    with caplog.at_level(logging.WARNING, logger="fyp_core"):
        generate(pipeline, prompt="a wizard jumps", num_inference_steps=1)
    assert "wizard" in caplog.text


def test_clip_tokenizer_knows_every_word(tmp_path: Path) -> None:
    pipeline = build_pipeline(tokenizer=clip_tokenizer(tmp_path))
    assert pipeline.unknown_words("a wizard dances") == []
    assert np.isfinite(generate(pipeline)).all()
    assert not np.allclose(generate(pipeline), generate(pipeline, prompt="a knight jumps"), atol=1e-4)


def test_textual_inversion_of_several_vectors() -> None:
    pipeline = build_pipeline()
    before = generate(pipeline, prompt="a robot")
    pipeline.load_textual_inversion({"<hero>": torch.randn(2, 16)}, token="<hero>")
    assert pipeline.maybe_convert_prompt("a <hero> jumps", pipeline.tokenizer) == "a <hero> <hero>_1 jumps"
    assert pipeline.unknown_words("a <hero> jumps") == []
    assert not np.allclose(generate(pipeline, prompt="a <hero>"), before, atol=1e-4)
    assert np.array_equal(generate(pipeline, prompt="a robot"), before)


# --- other people's weights


def test_lora_comes_and_goes(pipeline: FollowYourPosePipeline) -> None:
    before = generate(pipeline)
    lora = {}
    for name, weight in pipeline.unet.state_dict().items():
        if name.endswith("attn1.to_q.weight"):
            rows, columns = weight.shape
            stem = f"unet.{name.removesuffix('.weight')}"
            lora[f"{stem}.lora_A.weight"] = torch.randn(2, columns)
            lora[f"{stem}.lora_B.weight"] = torch.randn(rows, 2)
    pipeline.load_lora_weights(lora)
    assert not np.allclose(generate(pipeline), before, atol=1e-3)
    pipeline.unload_lora_weights()
    assert np.array_equal(generate(pipeline), before)


def test_stable_diffusion_directory_needs_a_pose_encoder_only(
    pipeline: FollowYourPosePipeline, tmp_path: Path
) -> None:
    pipeline.save_pretrained(tmp_path)
    image_unet = UNet2DConditionModel.from_config(pipeline.unet.config)
    image_unet.save_pretrained(tmp_path / "unet")
    index_file = tmp_path / "model_index.json"
    ours = json.loads(index_file.read_text())
    stable_diffusion = {
        "_class_name": "StableDiffusionPipeline",
        **{name: ours[name] for name in ("vae", "text_encoder", "tokenizer", "scheduler")},
        "unet": ["diffusers", "UNet2DConditionModel"],
        "safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"],
    }
    index_file.write_text(json.dumps(stable_diffusion))
    loaded = FollowYourPosePipeline.from_pretrained(tmp_path, pose_encoder=pipeline.pose_encoder)
    assert isinstance(loaded.unet, PoseVideoUNet)
    assert torch.equal(loaded.unet.conv_in.weight, image_unet.conv_in.weight)


# --- saving and loading


def test_save_and_load_give_the_same_video(pipeline: FollowYourPosePipeline, tmp_path: Path) -> None:
    pipeline.save_pretrained(tmp_path)
    index = json.loads((tmp_path / "model_index.json").read_text())
    assert index["unet"] == ["fyp_core.unet", "PoseVideoUNet"]
    assert index["default_height"] == SIZE
    loaded = FollowYourPosePipeline.from_pretrained(tmp_path, local_files_only=True)
    loaded.set_progress_bar_config(disable=True)
    assert loaded.config.default_guidance_scale == pipeline.config.default_guidance_scale
    assert np.array_equal(generate(loaded), generate(pipeline))
    # larger networks would differ in the last bit if their weights lay unaligned in the file's memory
    assert all(p.data_ptr() % 64 == 0 for model in (loaded.unet, loaded.vae) for p in model.parameters())


# --- skeletons


def test_skeleton_containers_are_equivalent(pipeline: FollowYourPosePipeline) -> None:
    array = skeleton()
    images = [Image.fromarray(frame) for frame in array]
    tensor = torch.from_numpy(array).permute(0, 3, 1, 2) / 255
    expected = generate(pipeline, skeleton=array)
    assert np.array_equal(generate(pipeline, skeleton=images), expected)
    assert np.array_equal(generate(pipeline, skeleton=tensor), expected)


def test_compressed_skeletons_make_the_same_video(pipeline: FollowYourPosePipeline) -> None:
    compressed = CompressedFrames(skeleton())
    assert np.array_equal(generate(pipeline, skeleton=compressed), generate(pipeline))


def test_skeleton_of_another_size_is_fitted_to_the_centre() -> None:
    wide = np.zeros((1, 100, 300, 3), np.uint8)
    wide[:, :, 100:200] = 255
    assert (skeleton_to_tensor(wide, 50, 50) == 1).all()
    assert skeleton_to_tensor(wide, 200, 104).shape == (1, 3, 200, 104)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"prompt": ""}, "prompt is empty"),
        ({"prompt": "  "}, "prompt is empty"),
        ({"prompt": []}, "prompt is empty"),
        ({"prompt": None}, "either a prompt"),
        ({"skeleton": skeleton()[:0]}, "at least one RGB frame"),
        ({"skeleton": []}, "at least one PIL image"),
        ({"skeleton": skeleton()[..., :2]}, "shape"),
        ({"skeleton": skeleton()[0]}, "shape"),
        ({"skeleton": np.array(0, np.uint8)}, "shape"),
        ({"skeleton": np.stack([skeleton(), skeleton()])}, "2 skeleton videos for 1 prompts"),
        ({"skeleton": skeleton().astype(np.float32)}, "float32"),
        ({"skeleton": torch.full((1, 3, SIZE, SIZE), 255.0)}, "outside 0..1"),
        ({"skeleton": torch.full((1, 3, SIZE, SIZE), float("nan"))}, "outside 0..1"),
        ({"skeleton": torch.zeros(1, 3, SIZE, SIZE, dtype=torch.uint8)}, "uint8"),
        ({"skeleton": [Image.new("RGB", (8, 8)), Image.new("RGB", (9, 9))]}, "differ in size"),
        ({"height": 33}, "multiples of 8"),
        ({"width": 0}, "multiples of 8"),
        ({"num_inference_steps": 0}, "at least 1"),
        ({"guidance_scale": float("nan")}, "guidance"),
        ({"decode_chunk_size": 0}, "decode_chunk_size"),
        ({"output_type": "gif"}, "output_type"),
        ({"latents": torch.zeros(1, 4, 2, 4, 4)}, "latents"),
        ({"negative_prompt": ["a", "b"]}, "2 negative prompts"),
        ({"generator": [seed(), seed()]}, "2 generators"),
        ({"callback_on_step_end_tensor_inputs": ["noise"]}, "noise"),
        ({"guidance_rescale": 1.5}, "`guidance_rescale` is 1.5"),
        ({"guidance_end": -0.1}, "`guidance_end` is -0.1"),
        ({"timesteps": [900, 20]}, "DDIMScheduler does not accept `timesteps`"),
        ({"window": 4, "window_overlap": 4}, "overlap of windows is 4"),
    ],
)
def test_bad_input_is_named(pipeline: FollowYourPosePipeline, change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        generate(pipeline, **change)
