"""What users and training rely on of the inflated network, beyond the published numbers."""

import copy
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import torch
from diffusers import UNet2DConditionModel
from diffusers.models.attention import BasicTransformerBlock
from diffusers.models.attention_dispatch import attention_backend
from peft import LoraConfig
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from fyp_core.pose_encoder import PoseEncoder
from fyp_core.unet import PoseVideoUNet, stage2_parameter_names, temporal_parameter_names

CONFIG = {
    "sample_size": 8,
    "block_out_channels": (8, 16),
    "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
    "layers_per_block": 1,
    "cross_attention_dim": 12,
    "attention_head_dim": 2,
    "norm_num_groups": 4,
}
CLIPS, FRAMES, LATENT_CHANNELS, SIDE, TOKENS = 2, 3, 4, 8, 5
TIMESTEP = 500


def randomise(model: nn.Module) -> nn.Module:
    """Fill the layers that start at zero as well, so that every path of the network counts."""
    generator = torch.Generator().manual_seed(0)
    for parameter in model.parameters():
        parameter.data = 0.3 * torch.randn(parameter.shape, generator=generator)
    return model


@pytest.fixture
def unet() -> PoseVideoUNet:
    return randomise(PoseVideoUNet(**CONFIG)).eval()


@pytest.fixture
def pose_encoder() -> PoseEncoder:
    return randomise(PoseEncoder(channels=CONFIG["block_out_channels"], downscale_factor=4))


def clip_input(frames: int = FRAMES) -> tuple[torch.Tensor, int, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    sample = torch.randn(CLIPS, LATENT_CHANNELS, frames, SIDE, SIDE, generator=generator)
    return sample, TIMESTEP, torch.randn(CLIPS, TOKENS, CONFIG["cross_attention_dim"], generator=generator)


def skeletons(frames: int = FRAMES) -> torch.Tensor:
    return torch.rand(CLIPS * frames, 3, 4 * SIDE, 4 * SIDE, generator=torch.Generator().manual_seed(2))


@torch.no_grad()
@pytest.mark.parametrize("frames", [1, 2, 9])
def test_any_frame_count(unet: PoseVideoUNet, frames: int) -> None:
    sample, t, text = clip_input(frames)
    out = unet(sample, t, text).sample
    assert out.shape == sample.shape
    assert out.isfinite().all()


@torch.no_grad()
def test_clips_of_a_batch_do_not_see_each_other(unet: PoseVideoUNet) -> None:
    sample, t, text = clip_input()
    together = unet(sample, t, text).sample
    alone = torch.cat([unet(sample[i : i + 1], t, text[i : i + 1]).sample for i in range(CLIPS)])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_each_clip_may_have_its_own_timestep(unet: PoseVideoUNet) -> None:
    sample, _, text = clip_input()
    timesteps = torch.tensor([10, 900])
    together = unet(sample, timesteps, text).sample
    alone = [unet(sample[i : i + 1], timesteps[i], text[i : i + 1]).sample for i in range(CLIPS)]
    torch.testing.assert_close(together, torch.cat(alone), rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_frames_of_a_clip_see_each_other(unet: PoseVideoUNet) -> None:
    sample, t, text = clip_input()
    changed = sample.clone()
    changed[:, :, 0] += 1
    difference = (unet(changed, t, text).sample - unet(sample, t, text).sample).abs().amax(dim=(0, 1, 3, 4))
    assert (difference > 1e-4).all(), difference


@torch.no_grad()
def test_inflated_image_network_gives_the_image_networks_picture() -> None:
    image_unet = randomise(UNet2DConditionModel(**CONFIG)).eval()
    sample, t, text = clip_input(frames=1)
    inflated = PoseVideoUNet.from_unet2d(image_unet).eval()
    expected = image_unet(sample[:, :, 0], t, text).sample
    torch.testing.assert_close(inflated(sample, t, text).sample[:, :, 0], expected, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_inflated_image_network_repeats_a_still_clip() -> None:
    """Temporal layers start as the identity: equal frames in, equal pictures out."""
    image_unet = randomise(UNet2DConditionModel(**CONFIG)).eval()
    sample, t, text = clip_input(frames=1)
    still = sample.expand(-1, -1, FRAMES, -1, -1)
    expected = image_unet(sample[:, :, 0], t, text).sample.unsqueeze(2).expand_as(still)
    out = PoseVideoUNet.from_unet2d(image_unet).eval()(still, t, text).sample
    torch.testing.assert_close(out, expected, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_with_frames_replicated_the_ends_of_a_still_clip_are_like_its_middle() -> None:
    unet = randomise(PoseVideoUNet(**CONFIG, temporal_padding="replicate")).eval()
    sample, t, text = clip_input(frames=1)
    out = unet(sample.expand(-1, -1, FRAMES, -1, -1), t, text).sample
    torch.testing.assert_close(out, out[:, :, :1].expand_as(out), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(unet(sample, t, text).sample, out[:, :, :1], rtol=1e-4, atol=1e-5)


def test_a_padding_that_there_is_not() -> None:
    with pytest.raises(ValueError, match="zeros, replicate"):
        PoseVideoUNet(**CONFIG, temporal_padding="reflect")


@torch.no_grad()
@pytest.mark.parametrize("padding", ["zeros", "replicate"])
def test_save_and_load_give_the_same_output(padding: str, tmp_path: Path) -> None:
    unet = randomise(PoseVideoUNet(**CONFIG, temporal_padding=padding)).eval()
    unet.save_pretrained(tmp_path)
    loaded = PoseVideoUNet.from_pretrained(tmp_path)
    torch.testing.assert_close(loaded(*clip_input()).sample, unet(*clip_input()).sample)


@torch.no_grad()
def test_half_precision_stays_close(unet: PoseVideoUNet) -> None:
    sample, t, text = clip_input()
    expected = unet(sample, t, text).sample
    half = copy.deepcopy(unet).bfloat16()(sample.bfloat16(), t, text.bfloat16()).sample
    assert half.dtype == torch.bfloat16
    assert (half.float() - expected).norm() / expected.norm() < 0.1


def gradients(unet: PoseVideoUNet, pose_encoder: PoseEncoder) -> dict[str, torch.Tensor]:
    unet.zero_grad(set_to_none=True)
    pose_encoder.zero_grad(set_to_none=True)
    out = unet(*clip_input(), pose_encoder(skeletons())).sample
    with torch.no_grad():
        unet(*clip_input(frames=1))  # a preview between forward and backward must not disturb the gradients
    out.square().mean().backward()
    models = {"unet": unet, "pose_encoder": pose_encoder}
    return {f"{key}.{name}": p.grad for key, model in models.items() for name, p in model.named_parameters()}


def test_gradient_checkpointing_gives_the_same_gradients(
    unet: PoseVideoUNet, pose_encoder: PoseEncoder
) -> None:
    unet.train()
    plain = gradients(unet, pose_encoder)
    unet.enable_gradient_checkpointing()
    checkpointed = gradients(unet, pose_encoder)
    assert all(gradient is not None and gradient.abs().sum() > 0 for gradient in plain.values())
    for name, gradient in plain.items():
        torch.testing.assert_close(checkpointed[name], gradient, rtol=1e-4, atol=1e-6, msg=name)


def test_stage_two_learns_queries_and_temporal_layers_only(unet: PoseVideoUNet) -> None:
    names = set(stage2_parameter_names(unet))
    image_names = {name for name, _ in UNet2DConditionModel(**CONFIG).named_parameters()}
    assert names & image_names == {
        name for name in image_names if name.endswith(("attn1.to_q.weight", "attn2.to_q.weight"))
    }
    assert names - image_names == set(temporal_parameter_names(unet))
    assert set(temporal_parameter_names(unet)) == {n for n, _ in unet.named_parameters()} - image_names


@torch.no_grad()
def test_lora_comes_and_goes(unet: PoseVideoUNet) -> None:
    before = unet(*clip_input()).sample
    targets = ["attn1.to_q", "attn1.to_k", "attn2.to_v", "attn_temp.to_out.0"]
    unet.add_adapter(LoraConfig(r=2, target_modules=targets, init_lora_weights="gaussian"))
    for name, parameter in unet.named_parameters():
        if "lora_B" in name:
            parameter.fill_(0.5)
    adapted = unet(*clip_input()).sample
    assert not torch.allclose(adapted, before, atol=1e-3)
    unet.delete_adapters("default")
    unet.unload_lora()
    assert torch.equal(unet(*clip_input()).sample, before)


def test_attention_follows_the_chosen_backend(unet: PoseVideoUNet, monkeypatch: pytest.MonkeyPatch) -> None:
    kernels = []

    def recorded(kernel: SDPBackend) -> AbstractContextManager[None]:
        kernels.append(kernel)
        return sdpa_kernel(kernel)

    monkeypatch.setattr(torch.nn.attention, "sdpa_kernel", recorded)
    with torch.no_grad(), attention_backend("native"):  # restores the process-wide choice
        unet.set_attention_backend("_native_math")
        unet(*clip_input())
    blocks = sum(isinstance(module, BasicTransformerBlock) for module in unet.modules())
    assert kernels == [SDPBackend.MATH] * 2 * blocks  # sparse-causal and temporal
