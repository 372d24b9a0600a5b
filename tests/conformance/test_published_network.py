"""Our networks compute what the published code computes, from the published tensors under their published names."""

import copy
import gzip
import json
import math
from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKL, DDIMScheduler
from safetensors.torch import load_file
from transformers import CLIPTextConfig, CLIPTextModel

from fyp_core.pipeline import FollowYourPosePipeline
from fyp_core.pose_encoder import PUBLISHED_PREFIX, PoseEncoder, convert_published_state
from fyp_core.unet import PoseVideoUNet
from fyp_core.weights.tensors import load_every_tensor
from tests.conformance.conftest import noise_of

DATA = Path(__file__).parents[1] / "data"
PUBLISHED_GUIDANCE = 12.5
SINGLE_PASS_TOLERANCE = 1e-5
SAMPLING_TOLERANCE = 1e-4


def shapes_in(checkpoint: str) -> dict[str, list[int]]:
    """Name and shape of every tensor in a published checkpoint."""
    return json.loads(gzip.decompress((DATA / f"{checkpoint}_keys.json.gz").read_bytes()))


def scaled(name: str, noise: torch.Tensor) -> torch.Tensor:
    if noise.ndim > 1:
        return noise / math.sqrt(noise[0].numel())
    return 1 + 0.1 * noise if name.endswith("weight") else 0.05 * noise


def relative_error(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    return ((ours - theirs).norm() / theirs.norm()).item()


@pytest.fixture(scope="module")
def published() -> dict[str, torch.Tensor]:
    """The weights the published code was run with: random, seeded by its names."""
    return {
        name: scaled(name, noise_of(name, shape))
        for name, shape in shapes_in("tiny_unet/original_unet").items()
    }


@pytest.fixture(scope="module")
def golden() -> dict[str, torch.Tensor]:
    """The inputs, drawn from a seed, and what the published code makes of them."""
    generator = torch.Generator().manual_seed(1)
    return {
        "sample": torch.randn(2, 4, 5, 8, 8, generator=generator),  # b c f h w
        "encoder_hidden_states": torch.randn(2, 7, 24, generator=generator),  # unconditional, conditional
        "skeleton": torch.rand(2, 5, 3, 64, 64, generator=generator),  # b f c h w
        **load_file(DATA / "tiny_unet" / "golden.safetensors"),
    }


@pytest.fixture(scope="module")
def unet(published: dict[str, torch.Tensor]) -> PoseVideoUNet:
    unet = PoseVideoUNet(**json.loads((DATA / "tiny_unet" / "unet_config.json").read_text())).eval()
    image_and_time = {name: t for name, t in published.items() if not name.startswith(PUBLISHED_PREFIX)}
    load_every_tensor(unet, image_and_time, "the published network")
    return unet


@pytest.fixture(scope="module")
def pose_encoder(published: dict[str, torch.Tensor]) -> PoseEncoder:
    return PoseEncoder.from_published(published).eval()


@pytest.fixture(scope="module")
def pose_features(golden: dict[str, torch.Tensor]) -> list[torch.Tensor]:
    return [golden[f"pose_feature_{level}"].transpose(1, 2).flatten(0, 1) for level in range(4)]


@torch.no_grad()
def test_pose_encoder(pose_encoder: PoseEncoder, golden, pose_features) -> None:
    features = pose_encoder(golden["skeleton"].flatten(0, 1))
    errors = [relative_error(a, b) for a, b in zip(features, pose_features, strict=True)]
    assert max(errors) < SINGLE_PASS_TOLERANCE, errors


@torch.no_grad()
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_single_pass_with_pose(unet: PoseVideoUNet, golden, pose_features, memory_format) -> None:
    unet = copy.deepcopy(unet).to(memory_format=memory_format)
    out = unet(golden["sample"], golden["timestep"], golden["encoder_hidden_states"], pose_features).sample
    assert relative_error(out, golden["out_with_pose"]) < SINGLE_PASS_TOLERANCE


@torch.no_grad()
def test_single_pass_without_pose(unet: PoseVideoUNet, golden) -> None:
    out = unet(golden["sample"], golden["timestep"], golden["encoder_hidden_states"]).sample
    assert relative_error(out, golden["out_without_pose"]) < SINGLE_PASS_TOLERANCE


def test_guided_sampling_through_the_pipeline(unet: PoseVideoUNet, pose_encoder: PoseEncoder, golden) -> None:
    embeds = golden["encoder_hidden_states"]
    text_config = CLIPTextConfig(
        vocab_size=8, hidden_size=embeds.shape[2], num_hidden_layers=1, num_attention_heads=2
    )
    pipeline = FollowYourPosePipeline(
        vae=AutoencoderKL(
            block_out_channels=(4, 4, 4, 4), norm_num_groups=2
        ),  # only its scale counts: latents in and out
        text_encoder=CLIPTextModel(text_config),
        tokenizer=None,
        unet=unet,
        pose_encoder=pose_encoder,
        scheduler=DDIMScheduler(
            beta_start=0.00085,
            beta_end=0.012,
            beta_schedule="scaled_linear",
            clip_sample=False,
            set_alpha_to_one=False,
            steps_offset=1,
        ),
    )
    pipeline.set_progress_bar_config(disable=True)
    skeleton = golden["skeleton"][0]
    video = pipeline(
        None,
        skeleton,
        height=skeleton.shape[2],
        width=skeleton.shape[3],
        num_inference_steps=len(golden["ddim_timesteps"]),
        guidance_scale=PUBLISHED_GUIDANCE,
        latents=golden["ddim_init_latents"],
        negative_prompt_embeds=embeds[:1],
        prompt_embeds=embeds[1:],
        output_type="latent",
    ).frames
    assert pipeline.scheduler.timesteps.tolist() == golden["ddim_timesteps"].tolist()
    assert relative_error(video, golden["ddim_final_latents"]) < SAMPLING_TOLERANCE


def test_every_tensor_of_the_full_size_checkpoint_has_its_place() -> None:
    published = {name: torch.empty(shape, device="meta") for name, shape in shapes_in("sd14_unet3d").items()}
    pose_part = {name for name in published if name.startswith(PUBLISHED_PREFIX)}
    expected_unet = {name: tuple(t.shape) for name, t in published.items() if name not in pose_part}
    expected_pose = {name: tuple(t.shape) for name, t in convert_published_state(published).items()}
    with torch.device("meta"):
        unet = PoseVideoUNet(sample_size=64, cross_attention_dim=768)
        pose_encoder = PoseEncoder()
    assert len(expected_unet) + len(expected_pose) == len(published) == 868
    assert {name: tuple(t.shape) for name, t in unet.state_dict().items()} == expected_unet
    ours = {name: tuple(t.shape) for name, t in pose_encoder.state_dict().items() if name != "gain"}
    assert ours == expected_pose
