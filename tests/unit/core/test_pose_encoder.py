"""The pose encoder takes the published weights whole, or says by name what is wrong with them."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from fyp_core.pose_encoder import PUBLISHED_PREFIX, PoseEncoder
from fyp_media.errors import InputError

CHANNELS = (8, 8, 16, 16)


def published_state() -> dict[str, torch.Tensor]:
    """A file like ``pose_encoder.pth`` at toy width: eight residual blocks, two a level."""
    generator = torch.Generator().manual_seed(0)
    shapes = {"conv_in": (CHANNELS[0], 3 * 8 * 8, 3)}
    before = CHANNELS[0]
    for i in range(8):
        width = CHANNELS[i // 2]
        if before != width:
            shapes[f"body.{i}.in_conv"] = (width, before, 1)
        shapes[f"body.{i}.block1"] = (width, width, 3)
        shapes[f"body.{i}.block2"] = (width, width, 1)
        before = width
    state = {}
    for name, (out, into, kernel) in shapes.items():
        state[f"{name}.weight"] = torch.randn(out, into, kernel, kernel, generator=generator)
        state[f"{name}.bias"] = torch.randn(out, generator=generator)
    return state


@pytest.fixture
def skeleton() -> torch.Tensor:
    return torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def test_every_source_of_published_weights_gives_the_same_encoder(
    skeleton: torch.Tensor, tmp_path: Path
) -> None:
    state = published_state()
    torch.save(state, tmp_path / "pose_encoder.pth")
    save_file(state, tmp_path / "pose_encoder.safetensors")
    whole_unet = {
        "conv_in.weight": torch.zeros(1),
        **{PUBLISHED_PREFIX + name: t for name, t in state.items()},
    }
    torch.save(whole_unet, tmp_path / "pytorch_model.bin")
    expected = PoseEncoder.from_published(state)(skeleton)
    for name in ("pose_encoder.pth", "pose_encoder.safetensors", "pytorch_model.bin"):
        features = PoseEncoder.from_published(tmp_path / name)(skeleton)
        assert all(torch.equal(a, b) for a, b in zip(features, expected, strict=True)), name


@torch.no_grad()
def test_features_fit_the_down_blocks(skeleton: torch.Tensor) -> None:
    features = PoseEncoder.from_published(published_state())(skeleton)
    assert [tuple(level.shape) for level in features] == [
        (2, 8, 8, 8),
        (2, 8, 4, 4),
        (2, 16, 2, 2),
        (2, 16, 1, 1),
    ]


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda state: state.pop("body.3.block2.bias"), "body.1.resnets.1.block2.bias missing"),
        (lambda state: state.update({"body.9.extra": torch.zeros(1)}), "body.9.extra unexpected"),
        (
            lambda state: state.update({"body.2.block1.bias": torch.zeros(3)}),
            "(3,) instead of (8,) of another shape",
        ),
        (lambda state: state.pop("conv_in.weight"), "conv_in.weight"),
    ],
)
def test_tensors_that_do_not_fit_are_named(spoil, complaint: str) -> None:
    state = published_state()
    spoil(state)
    with pytest.raises(InputError) as error:
        PoseEncoder.from_published(state)
    assert complaint in str(error.value)


@pytest.mark.parametrize("content", [b"", b"not a weight file", None])
def test_unreadable_weight_files_are_named(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "pose_encoder.pth"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"pose_encoder\.pth"):
        PoseEncoder.from_published(path)


def test_weight_files_cannot_run_code(tmp_path: Path) -> None:
    marker = tmp_path / "executed"
    torch.save({"conv_in.weight": _Intruder(marker)}, tmp_path / "pose_encoder.pth")
    with pytest.raises(InputError):
        PoseEncoder.from_published(tmp_path / "pose_encoder.pth")
    assert not marker.exists()


class _Intruder:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return Path.touch, (self.marker,)


@torch.no_grad()
def test_training_from_scratch_starts_without_effect(skeleton: torch.Tensor) -> None:
    assert all(level.abs().sum() == 0 for level in PoseEncoder(channels=CHANNELS, zero_gain=True)(skeleton))
    assert all(level.abs().sum() > 0 for level in PoseEncoder(channels=CHANNELS)(skeleton))


def test_a_zero_gain_can_be_learnt(skeleton: torch.Tensor) -> None:
    encoder = PoseEncoder(channels=CHANNELS, zero_gain=True)
    sum(level.sum() for level in encoder(skeleton)).backward()
    assert (encoder.gain.grad != 0).all()


@torch.no_grad()
def test_save_and_load_keep_the_gain(skeleton: torch.Tensor, tmp_path: Path) -> None:
    encoder = PoseEncoder(channels=CHANNELS, zero_gain=True)
    encoder.gain.copy_(torch.tensor([0.1, 0.2, 0.3, 0.4]))
    encoder.save_pretrained(tmp_path)
    assert "gain" in load_file(tmp_path / "diffusion_pytorch_model.safetensors")
    loaded = PoseEncoder.from_pretrained(tmp_path)
    assert torch.equal(loaded.gain, encoder.gain)
    for ours, saved in zip(loaded(skeleton), encoder(skeleton), strict=True):
        torch.testing.assert_close(ours, saved)
