"""Deep features of one step serve the next: fewer passes, nearly the same video."""

from typing import Any

import numpy as np
import pytest
import torch

from fyp_core.conditioning.conditions import NetworkInputs
from fyp_core.feature_cache import FeatureCache, keeping_deep_features, shallow_pass
from fyp_core.pipeline import FollowYourPosePipeline
from tests.tiny_model import SIZE, build_pipeline

PROMPT, FRAMES, STEPS = "a robot dances on the moon", 3, 6


@pytest.fixture(scope="module")
def pipeline() -> FollowYourPosePipeline:
    return build_pipeline(window=4, window_overlap=1)


def generate(pipeline: FollowYourPosePipeline, frames: int = FRAMES, **kwargs: Any) -> np.ndarray:
    skeleton = np.random.default_rng(0).integers(0, 256, (frames, SIZE, SIZE, 3), np.uint8)
    settings = {
        "num_inference_steps": STEPS,
        "generator": torch.Generator().manual_seed(0),
        "output_type": "latent",
    }
    return pipeline(PROMPT, skeleton, **{**settings, **kwargs}).frames


@torch.no_grad()
@pytest.mark.parametrize("frames", [1, 3])
def test_with_features_of_the_same_step_a_shallow_pass_is_the_whole_network(
    pipeline: FollowYourPosePipeline, frames: int
) -> None:
    unet = pipeline.unet
    sample, text, t = torch.randn(2, 4, frames, 8, 8), torch.randn(2, 5, 16), torch.tensor(500)
    pose = [torch.randn(2 * frames, 8, 8, 8), torch.randn(2 * frames, 16, 4, 4)]
    with keeping_deep_features(unet) as kept:
        whole = unet(sample, t, text, pose).sample
    torch.testing.assert_close(shallow_pass(unet, sample, t, text, kept[0]), whole)
    with keeping_deep_features(unet) as second:
        pass
    unet(sample, t, text, pose)
    assert (len(kept), len(second)) == (1, 0)  # nothing stays in the network


@pytest.mark.parametrize("frames", [FRAMES, 9], ids=["one window", "windows"])
def test_only_full_steps_compute_the_whole_network(
    pipeline: FollowYourPosePipeline, monkeypatch: pytest.MonkeyPatch, frames: int
) -> None:
    exact = generate(pipeline, frames)
    passes = []
    forward = pipeline.unet.forward
    monkeypatch.setattr(
        pipeline.unet, "forward", lambda x, *a, **k: passes.append(len(x)) or forward(x, *a, **k)
    )
    generate(pipeline, frames, full_steps=range(STEPS))
    windows = len(passes) // STEPS
    passes.clear()
    reused = generate(pipeline, frames, full_steps=[0, 3])
    assert passes == [2] * 2 * windows  # both halves of guidance at once
    error = (reused - exact).square().mean() / exact.square().mean()
    assert 0 < error < 0.5


def test_poses_are_given_to_full_steps_only(
    pipeline: FollowYourPosePipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[bool] = []
    predict = FeatureCache.predict

    def watched(cache: FeatureCache, step: int, windows: Any, inputs: NetworkInputs, t: Any) -> torch.Tensor:
        given.append(inputs.pose is not None)
        return predict(cache, step, windows, inputs, t)

    monkeypatch.setattr(FeatureCache, "predict", watched)
    generate(pipeline, full_steps=[0, 3])
    assert given == [step in (0, 3) for step in range(STEPS)]


@torch.no_grad()
@pytest.mark.parametrize("kept", [0, 1, 2])
def test_windows_beyond_the_budget_are_computed_in_full_in_every_step(
    pipeline: FollowYourPosePipeline, kept: int
) -> None:
    unet = pipeline.unet
    inputs = NetworkInputs(torch.randn(2, 4, FRAMES, 8, 8), torch.randn(2, 5, 16))
    first, second = torch.tensor(500), torch.tensor(100)
    with keeping_deep_features(unet) as features:
        unet(inputs.sample, first, inputs.text)
    whole = unet(inputs.sample, second, inputs.text).sample
    cache = FeatureCache(unet, [0], budget=kept * features[0].nbytes)
    for window in (0, 1):
        cache.predict(0, [window], inputs, first)
    for window in (0, 1):
        is_full = window >= kept
        assert cache.is_full(1, [window]) == is_full
        assert torch.equal(cache.predict(1, [window], inputs, second), whole) == is_full


def test_computing_every_step_in_full_changes_nothing(pipeline: FollowYourPosePipeline) -> None:
    assert torch.equal(generate(pipeline, full_steps=range(STEPS)), generate(pipeline))


def test_the_first_step_is_always_full(pipeline: FollowYourPosePipeline) -> None:
    assert torch.equal(generate(pipeline, full_steps=[3]), generate(pipeline, full_steps=[0, 3]))


def test_features_serve_after_guidance_has_ended(pipeline: FollowYourPosePipeline) -> None:
    half = generate(pipeline, guidance_end=0.5, full_steps=[0, 2])  # guidance ends before step 3
    assert torch.isfinite(half).all()
    assert not torch.allclose(half, generate(pipeline, full_steps=[0, 2]))
