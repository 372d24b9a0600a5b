"""The memory that a video takes: what is estimated beside what a GPU has taken, and what moves to the GPU and back."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKL

from benchmarks.random_model import FULL_WIDTH, random_parts
from fyp_core.autoencoder import FoldedAutoencoder
from fyp_core.generation.device import Runtime, place
from fyp_core.generation.engine import Engine
from fyp_core.generation.request import GenerationRequest
from fyp_core.generation.running import memory
from fyp_core.generation.running.memory import estimate_peak
from fyp_core.pipeline import FollowYourPosePipeline
from tests.tiny_model import build_pipeline

GIB = 2**30


@pytest.fixture(scope="module")
def full_size() -> FollowYourPosePipeline:
    """The published model's shape in fp16, without weights."""
    with torch.device("meta"):
        return FollowYourPosePipeline(tokenizer=None, **random_parts(FULL_WIDTH)).to(torch.float16)


@pytest.mark.parametrize(
    ("frames", "clips", "low_vram", "measured"),  # on an H100, see docs/gpu.md
    [(8, 1, True, 2.382), (24, 1, True, 3.612), (64, 6, False, 12.534)],
)
def test_the_estimate_is_a_little_above_what_a_gpu_takes(
    full_size: FollowYourPosePipeline,
    frames: int,
    clips: int,
    low_vram: bool,
    measured: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(memory, "clips_at_once", lambda *_: clips)  # by the free memory of a GPU
    estimated = estimate_peak(full_size, frames, 512, 512, True, Runtime(low_vram=low_vram)) / GIB
    assert measured < estimated < 1.15 * measured


def test_reused_features_take_as_much_of_a_gpu_for_a_long_video_as_for_a_short_one(
    full_size: FollowYourPosePipeline,
) -> None:
    for frames in (64, 512):
        exact, fast = (
            estimate_peak(full_size, frames, 512, 512, True, Runtime(low_vram=True), reuses)
            for reuses in (False, True)
        )
        a_frame = 320 * 64 * 64 * 2  # bytes
        assert fast - exact == 25 * 2 * a_frame  # a window and its anchor, with guidance


def test_reused_features_take_no_more_of_a_cpu_than_may_be_kept() -> None:
    pipeline = build_pipeline()
    short, long, longer = (
        estimate_peak(pipeline, frames, 4096, 4096, True, Runtime(), True) for frames in (100, 600, 1200)
    )
    assert short < long == longer


@pytest.mark.parametrize(("kind", "channels"), [(AutoencoderKL, 3), (FoldedAutoencoder, 12)])
def test_pictures_up_to_512_pixels_are_decoded_whole(kind: type[AutoencoderKL], channels: int) -> None:
    vae = kind(  # states no size
        in_channels=channels,
        out_channels=channels,
        block_out_channels=(8, 8),
        norm_num_groups=4,
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
    )
    pipeline = FollowYourPosePipeline(**{**build_pipeline().components, "vae": vae})
    place(pipeline, "cpu", low_vram=True)
    decoder, calls = vae.decoder.forward, []
    vae.decoder.forward = lambda *a, **k: calls.append(None) or decoder(*a, **k)  # type: ignore[method-assign]
    for height, tiles in ((512, 1), (640, 2)):
        calls.clear()
        size = height // pipeline.vae_scale_factor, 32
        picture = pipeline.decode_latents(torch.zeros(1, 4, 1, *size), 1)[0]
        assert picture.shape[1:3] == (height, 32 * pipeline.vae_scale_factor)
        assert len(calls) == tiles


def test_networks_leave_the_device_as_often_for_a_long_video_as_for_a_short_one(
    tiny_model_dir: Path, make_video: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    request = GenerationRequest(input=make_video(), prompt="a robot", input_type="skeleton", steps=2)
    engine = Engine(str(tiny_model_dir), runtime=Runtime(device="cpu", low_vram=True))
    leaving: list[None] = []
    monkeypatch.setattr(FollowYourPosePipeline, "maybe_free_model_hooks", lambda _self: leaving.append(None))
    counts = []
    for frames in (1, 3):
        leaving.clear()
        engine.generate(request.changed(frames=frames))
        counts.append(len(leaving))
    assert counts[0] == counts[1] <= 3
