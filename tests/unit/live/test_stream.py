"""The stream of frames: what the network shows, and that it keeps nothing but what the next frame needs."""

import numpy as np
import pytest
import torch

from fyp_core.live.denoiser import StreamDenoiser
from fyp_core.noise import draw_noise
from fyp_core.pipeline import FollowYourPosePipeline
from fyp_core.unet import PoseVideoUNet
from fyp_media.errors import InputError
from tests.tiny_model import SIZE, build_pipeline

STEPS, SEED = 4, 5


@pytest.fixture(scope="module")
def pipeline() -> FollowYourPosePipeline:
    """With temporal layers to which a frame that stands still is as good as none besides it."""
    pipeline = build_pipeline()
    unet = PoseVideoUNet.from_config(pipeline.unet.config, temporal_padding="replicate").eval()
    unet.load_state_dict(pipeline.unet.state_dict())
    pipeline.register_modules(unet=unet)
    return pipeline


def skeleton(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (SIZE, SIZE, 3), np.uint8)


def stream(pipeline: FollowYourPosePipeline, skeletons: list[np.ndarray]) -> list[torch.Tensor]:
    denoiser = StreamDenoiser(pipeline, "a robot", STEPS, SEED)
    finished = [denoiser.push(each) for each in skeletons]
    assert [latents is None for latents in finished[:STEPS]] == [True] * (STEPS - 1) + [False]
    return [latents for latents in finished if latents is not None]


def test_who_stands_still_is_the_picture_that_the_pipeline_makes(pipeline: FollowYourPosePipeline) -> None:
    still = stream(pipeline, [skeleton(0)] * (STEPS + 4))
    noise = draw_noise(tuple(still[0].shape), torch.Generator().manual_seed(SEED), 0.0)
    picture = pipeline(
        "a robot",
        skeleton(0)[None],
        num_inference_steps=STEPS,
        guidance_scale=1.0,
        latents=noise,
        output_type="latent",
    ).frames
    for latents in still:
        torch.testing.assert_close(latents, picture, atol=1e-4, rtol=1e-4)


def test_a_frame_depends_on_those_before_it_and_on_none_after(pipeline: FollowYourPosePipeline) -> None:
    moving = [skeleton(number) for number in range(8)]
    frames = stream(pipeline, moving)
    other_end = stream(pipeline, [*moving[:6], skeleton(20), skeleton(21)])
    other_start = stream(pipeline, [skeleton(22), *moving[1:]])
    torch.testing.assert_close(frames, other_end)
    assert not torch.allclose(frames[-1], other_start[-1], atol=1e-4)


def test_the_model_stays_as_it_is_and_lends_its_weights(pipeline: FollowYourPosePipeline) -> None:
    before = pipeline(
        "a robot", np.stack([skeleton(0), skeleton(1)]), generator=torch.Generator().manual_seed(0)
    )
    denoiser = StreamDenoiser(pipeline, "a robot", STEPS, SEED)
    for number in range(4):
        denoiser.push(skeleton(number))
    after = pipeline(
        "a robot", np.stack([skeleton(0), skeleton(1)]), generator=torch.Generator().manual_seed(0)
    )
    np.testing.assert_array_equal(before.frames, after.frames)


def test_impossible_settings_are_refused_before_the_stream_begins(pipeline: FollowYourPosePipeline) -> None:
    with pytest.raises(InputError, match="at least 1"):
        StreamDenoiser(pipeline, "a robot", 0, SEED)
    with pytest.raises(InputError, match="empty"):
        StreamDenoiser(pipeline, " ", STEPS, SEED)
