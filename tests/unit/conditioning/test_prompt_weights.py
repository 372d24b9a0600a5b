"""Weighted words and long prompts act; everything else is encoded as before."""

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.random_model import clip_tokenizer
from fyp_core.conditioning.prompt_weights import (
    encode_weighted,
    is_plain,
    lora_tags,
    split_weights,
    without_weights,
)
from fyp_core.pipeline import FollowYourPosePipeline
from fyp_media.errors import InputError
from tests.tiny_model import build_pipeline, make_video

LONG = "a knight dances on the beach a robot jumps on the moon a knight dances"  # 15 words; 10 fit


@pytest.fixture(scope="module", params=["words", "clip"])
def pipeline(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> FollowYourPosePipeline:
    tokenizer = clip_tokenizer(tmp_path_factory.mktemp("tokenizer")) if request.param == "clip" else None
    return build_pipeline(tokenizer=tokenizer)


def embed(pipeline: FollowYourPosePipeline, *prompts: str) -> torch.Tensor:
    with torch.no_grad():
        return encode_weighted(
            list(prompts), pipeline.tokenizer, pipeline.text_encoder, pipeline.text_encoder.device
        )


@pytest.mark.parametrize(
    ("prompt", "pieces"),
    [
        ("a (red:1.3) robot", [("a ", 1), ("red", 1.3), (" robot", 1)]),
        ("(a robot: .5)", [("a robot", 0.5)]),
        ("a robot (of steel), 3:2", [("a robot (of steel), 3:2", 1)]),
        (r"a \(red:1.3\) robot", [(r"a \(red:1.3\) robot", 1)]),
        ("", []),
    ],
)
def test_reading_weights(prompt: str, pieces: list[tuple[str, float]]) -> None:
    assert split_weights(prompt) == pieces


def test_the_words_alone() -> None:
    assert without_weights("a (red:1.3) robot (on the moon:0.5)") == "a red robot on the moon"


def test_weight_one_is_the_plain_prompt(pipeline: FollowYourPosePipeline) -> None:
    plain, _ = pipeline.encode_prompt("a robot jumps", torch.device("cpu"), 1, False)
    torch.testing.assert_close(embed(pipeline, "a (robot:1.0) jumps"), plain)
    assert is_plain("a (robot:1.0) jumps", pipeline.tokenizer)


def test_a_weight_moves_the_embedding_in_proportion(pipeline: FollowYourPosePipeline) -> None:
    plain, double = embed(pipeline, "a robot"), embed(pipeline, "a (robot:2)")
    triple, half = embed(pipeline, "a (robot:3)"), embed(pipeline, "a (robot:0.5)")
    torch.testing.assert_close(triple - plain, 2 * (double - plain), atol=1e-4, rtol=1e-3)
    assert not torch.allclose(half, plain, atol=1e-3)


def test_weights_act_in_both_prompts(pipeline: FollowYourPosePipeline) -> None:
    plain = make_video(pipeline, "a robot", negative_prompt="a moon")
    for prompt, negative in (("a (robot:3)", "a moon"), ("a robot", "a (moon:3)")):
        changed = make_video(pipeline, prompt, negative_prompt=negative)
        assert np.isfinite(changed).all()
        assert not np.array_equal(changed, plain)


def test_the_end_of_a_long_prompt_acts(pipeline: FollowYourPosePipeline) -> None:
    limit = pipeline.tokenizer.model_max_length
    one, other = embed(pipeline, f"{LONG} robot"), embed(pipeline, f"{LONG} moon")
    assert one.shape[1] >= 2 * limit
    torch.testing.assert_close(one[:, : limit // 2], other[:, : limit // 2])
    assert not torch.allclose(one, other)
    videos = [make_video(pipeline, f"{LONG} {word}", negative_prompt="a moon") for word in ("robot", "moon")]
    assert not np.array_equal(*videos)


def test_prompts_that_change_may_be_weighted_and_long(pipeline: FollowYourPosePipeline) -> None:
    video = make_video(pipeline, f"0: a (robot:1.5) | 1: {LONG}", negative_prompt="a (moon:2)")
    assert np.isfinite(video).all()
    assert not np.array_equal(video, make_video(pipeline, "0: a robot | 1: a robot"))


def test_loras_named_as_in_the_web_ui_are_found() -> None:
    assert lora_tags("a robot <lora:pixel art:0.8>, <LyCO:x>") == ["<lora:pixel art:0.8>", "<LyCO:x>"]
    assert lora_tags("a <robot> on (the beach:1.2)") == []


def test_unknown_words_are_found_behind_weights() -> None:
    assert build_pipeline().unknown_words("a (wizard:1.3) (robot:0.5)") == ["wizard"]


def test_words_of_embeddings_can_be_weighted(tmp_path: Path) -> None:
    pipeline = build_pipeline(tokenizer=clip_tokenizer(tmp_path))
    pipeline.load_textual_inversion(torch.randn(3, 16), token="MyHero")
    plain = make_video(pipeline, "a MyHero", negative_prompt="a moon")
    assert not np.array_equal(make_video(pipeline, "a (myhero:2)", negative_prompt="a moon"), plain)


def test_a_prompt_does_not_depend_on_the_length_of_others(pipeline: FollowYourPosePipeline) -> None:
    skeleton = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)
    noise = torch.randn(1, 4, 2, 4, 4, generator=torch.Generator().manual_seed(0))
    options = {"height": 32, "width": 32, "num_inference_steps": 2, "guidance_scale": 3.0}
    both = pipeline(
        ["a (robot:1.5)", LONG],
        skeleton,
        negative_prompt="a moon",
        latents=noise.repeat(2, 1, 1, 1, 1),
        **options,
    )
    one = pipeline("a (robot:1.5)", skeleton, negative_prompt="a moon", latents=noise, **options)
    np.testing.assert_allclose(both.frames[0], one.frames[0], atol=1e-4)


def test_prompts_whose_embeddings_would_take_too_much_memory(pipeline: FollowYourPosePipeline) -> None:
    with pytest.raises(InputError, match="has 51 weights; take at most 50"):
        embed(pipeline, "(a:0.5) " * 51)
    half = pipeline.tokenizer.model_max_length // 2
    with pytest.raises(InputError, match="of very different lengths; shorten them"):
        embed(pipeline, *("a " * (2 * parts - 1) * half for parts in (1, 5, 7, 9, 13)))
