"""A long video is denoised in overlapping windows that agree; a short one as it always was."""

import numpy as np
import pytest
import torch

from fyp_core.conditioning.skeleton_input import check_skeleton
from fyp_core.noise import draw_noise
from fyp_core.pipeline import FollowYourPosePipeline
from fyp_core.windows import plan_windows, predict_in_windows
from fyp_media.errors import InputError
from tests.tiny_model import SIZE, build_pipeline

PROMPT = "a robot dances on the moon"


@pytest.fixture(scope="module")
def pipeline() -> FollowYourPosePipeline:
    return build_pipeline(window=6, window_overlap=2)


def skeleton(frames: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (frames, SIZE, SIZE, 3), np.uint8)


def generate(pipeline: FollowYourPosePipeline, frames: int, **kwargs: object) -> np.ndarray:
    return pipeline(PROMPT, skeleton(frames), generator=torch.Generator().manual_seed(0), **kwargs).frames


@pytest.mark.parametrize("frames", [1, 6, 7, 8, 23, 100])
@pytest.mark.parametrize(("window", "overlap"), [(6, 2), (6, 0), (6, 5), (1, 0)])
def test_every_frame_is_predicted_and_its_weights_sum_to_one(frames: int, window: int, overlap: int) -> None:
    total = torch.zeros(frames)
    for part in plan_windows(frames, window, overlap):
        assert part.frames[0] == 0  # the anchor
        assert (part.frames.diff() > 0).all()
        assert len(part.frames) <= window + 1
        total.index_add_(0, part.frames, part.weights)
    torch.testing.assert_close(total, torch.ones(frames))


def test_neighbouring_windows_share_frames_and_count_less_towards_their_ends() -> None:
    first, second = plan_windows(60, window=24, overlap=6)[:2]
    shared = set(first.frames[1:].tolist()) & set(second.frames[1:].tolist())
    assert len(shared) == 6
    in_first, in_second = first.weights[-6:], second.weights[1:7]
    assert (in_first.diff() < 0).all()
    assert (in_second.diff() > 0).all()


@pytest.mark.parametrize(("window", "overlap"), [(0, 0), (6, 6), (6, -1)])
def test_windows_that_cannot_be(window: int, overlap: int) -> None:
    with pytest.raises(InputError, match=r"window"):
        plan_windows(20, window, overlap)


def test_where_predictions_agree_blending_changes_nothing() -> None:
    latents = torch.randn(2, 3, 40, 4, 4)
    blended = predict_in_windows(lambda part, _: 2 * part, latents, plan_windows(40, 12, 4))
    torch.testing.assert_close(blended, 2 * latents)


def test_the_network_sees_no_more_than_a_window(
    pipeline: FollowYourPosePipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, encoded = [], []
    forward, encode = pipeline.unet.forward, pipeline.pose_encoder.forward
    monkeypatch.setattr(
        pipeline.unet, "forward", lambda x, *a, **k: seen.append(x.shape[2]) or forward(x, *a, **k)
    )
    monkeypatch.setattr(pipeline.pose_encoder, "forward", lambda x: encoded.append(len(x)) or encode(x))
    video = generate(pipeline, 20)
    assert video.shape[1] == 20
    assert np.isfinite(video).all()
    assert max(seen) == 7  # a window and the anchor
    assert max(encoded) == 6
    assert sum(encoded) == 20  # poses are encoded once, not in every step


@pytest.mark.parametrize("kept", [0, 1, 9])
def test_poses_that_are_not_kept_are_encoded_again(
    pipeline: FollowYourPosePipeline, monkeypatch: pytest.MonkeyPatch, kept: int
) -> None:
    usual = generate(pipeline, 20, num_inference_steps=2)
    checked = check_skeleton(skeleton(1))
    a_frame = sum(level.nbytes for level in pipeline.encode_pose(checked, SIZE, SIZE, 1.0, chunk=1))
    encoded = []
    encode = pipeline.pose_encoder.forward
    monkeypatch.setattr(pipeline.pose_encoder, "forward", lambda x: encoded.append(len(x)) or encode(x))
    monkeypatch.setattr("fyp_core.pipeline.KEPT_BYTES", kept * a_frame)
    again = generate(pipeline, 20, num_inference_steps=2)
    np.testing.assert_allclose(again, usual, atol=1e-5)
    assert max(encoded) <= 6
    assert sum(encoded) >= 2 * (20 - kept) + kept


@pytest.mark.parametrize("clips", [1, 2, 4, 100])
@pytest.mark.parametrize("full_steps", [None, [0, 2]])
@pytest.mark.parametrize("prompt", [PROMPT, "0: a robot | 12: a knight"])
def test_the_video_does_not_depend_on_how_many_clips_are_computed_at_once(
    pipeline: FollowYourPosePipeline,
    monkeypatch: pytest.MonkeyPatch,
    clips: int,
    full_steps: list[int] | None,
    prompt: str,
) -> None:
    settings = {
        "num_inference_steps": 4,
        "full_steps": full_steps,
        "guidance_end": 0.75,
        "output_type": "latent",
    }

    def latents(**more: object) -> torch.Tensor:
        generator = torch.Generator().manual_seed(0)
        return pipeline(prompt, skeleton(20), generator=generator, **settings, **more).frames

    usual = latents()
    seen = []
    forward = pipeline.unet.forward
    monkeypatch.setattr(
        pipeline.unet, "forward", lambda x, *a, **k: seen.append(len(x)) or forward(x, *a, **k)
    )
    torch.testing.assert_close(latents(clips_at_once=clips), usual, atol=1e-4, rtol=1e-4)
    assert max(seen) == min(clips, 10)  # five windows, guided


def test_up_to_a_window_nothing_changes(pipeline: FollowYourPosePipeline) -> None:
    assert np.array_equal(generate(pipeline, 6), generate(pipeline, 6, window=100))
    assert not np.allclose(generate(pipeline, 12), generate(pipeline, 12, window=100), atol=1e-4)


def test_a_later_window_depends_on_its_own_poses_and_on_frame_0(pipeline: FollowYourPosePipeline) -> None:
    def last_frame(changed: int) -> np.ndarray:
        poses = skeleton(20)
        poses[changed] = 255 - poses[changed]
        settings = {"num_inference_steps": 1, "generator": torch.Generator().manual_seed(0)}
        return pipeline(PROMPT, poses, **settings).frames[0, -1]

    plain = generate(pipeline, 20, num_inference_steps=1)[0, -1]
    assert np.array_equal(last_frame(5), plain)  # in another window
    assert not np.array_equal(last_frame(0), plain)
    assert not np.array_equal(last_frame(18), plain)


def test_a_long_videos_noise_repeats_that_of_a_window_in_another_order() -> None:
    shape = (1, 2, 25, 4, 4)
    noise = draw_noise(shape, torch.Generator().manual_seed(0), 0.0, window=8, stride=4)
    assert noise.shape == shape
    for start in range(8, 24, 4):
        group, source = (sorted(noise[0, 0, i : i + 4, 0, 0].tolist()) for i in (start, start - 8))
        assert group == source
    short = (1, 2, 8, 4, 4)
    plain = draw_noise(short, torch.Generator().manual_seed(0), 0.0)
    assert torch.equal(draw_noise(short, torch.Generator().manual_seed(0), 0.0, 8, 4), plain)
    assert torch.equal(noise[:, :, :8], plain)
