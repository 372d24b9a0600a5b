"""A prompt may change during the video, at the frames given."""

import numpy as np
import pytest
import torch

from fyp_core.conditioning.prompt_travel import blend_embeddings, parse_prompt
from fyp_core.pipeline import FollowYourPosePipeline
from fyp_media.errors import InputError
from tests.tiny_model import SIZE, build_pipeline

ROBOT, KNIGHT, FRAMES = "a robot on the moon", "a knight on the beach", 9


@pytest.fixture(scope="module")
def pipeline() -> FollowYourPosePipeline:
    return build_pipeline(window=6, window_overlap=2)


def generate(pipeline: FollowYourPosePipeline, prompt: str | list[str], **kwargs: object) -> np.ndarray:
    skeleton = np.random.default_rng(0).integers(0, 256, (FRAMES, SIZE, SIZE, 3), np.uint8)
    return pipeline(prompt, skeleton, generator=torch.Generator().manual_seed(0), **kwargs).frames


def test_frames_and_prompts() -> None:
    travel = parse_prompt("0: a man: tall | 60 :a robot")
    assert travel.frames == (0, 60)
    assert travel.prompts == ("a man: tall", "a robot")


@pytest.mark.parametrize("prompt", ["a man on the beach", "a man | a woman", "at 10: a man"])
def test_a_prompt_without_frames_is_one_prompt(prompt: str) -> None:
    assert parse_prompt(prompt).prompts == (prompt,)


@pytest.mark.parametrize("prompt", ["0: a | b", "0: a | 5:", "5: a | 5: b", "9: a | 2: b", "0:"])
def test_what_cannot_be_read_is_named(prompt: str) -> None:
    with pytest.raises(InputError, match="frame number"):
        parse_prompt(prompt)


def test_a_prompt_has_a_limited_number_of_parts() -> None:
    with pytest.raises(InputError, match="has 101 parts; take at most 100"):
        parse_prompt("|".join(f"{frame}: a" for frame in range(101)))
    assert parse_prompt(f"{10**20}: a").prompts == (f"{10**20}: a",)


def test_embeddings_are_blended_between_the_frames_given() -> None:
    embeddings = torch.tensor([0.0, 1.0, 3.0])[:, None, None]
    blended = blend_embeddings(embeddings, (2, 4, 8), 11).flatten()
    assert blended.tolist() == [0, 0, 0, 0.5, 1, 1.5, 2, 2.5, 3, 3, 3]


@pytest.mark.parametrize("settings", [{}, {"guidance_scale": 1.0}, {"full_steps": [0]}], ids=str)
def test_the_same_prompt_at_all_frames_is_that_prompt(
    pipeline: FollowYourPosePipeline, settings: dict[str, object]
) -> None:
    travel = generate(pipeline, f"0: {ROBOT} | 5: {ROBOT}", **settings)
    np.testing.assert_allclose(travel, generate(pipeline, ROBOT, **settings), atol=1e-4)


def test_the_video_changes_where_the_prompt_does(pipeline: FollowYourPosePipeline) -> None:
    # frames see each other, so that all change a little
    robot, knight = (generate(pipeline, prompt, num_inference_steps=1)[0] for prompt in (ROBOT, KNIGHT))
    travel = generate(pipeline, f"0: {ROBOT} | 8: {KNIGHT}", num_inference_steps=1)[0]

    def distance(frame: int, other: np.ndarray) -> float:
        return float(np.abs(travel[frame] - other[frame]).mean())

    assert distance(0, robot) < distance(0, knight)
    assert distance(8, knight) < distance(8, robot)


def test_one_of_several_prompts_may_change(pipeline: FollowYourPosePipeline) -> None:
    prompts = [KNIGHT, f"0: {ROBOT} | 8: {KNIGHT}"]
    two = [torch.Generator().manual_seed(seed) for seed in (1, 0)]
    skeleton = np.random.default_rng(0).integers(0, 256, (FRAMES, SIZE, SIZE, 3), np.uint8)
    both = pipeline(prompts, skeleton, generator=two).frames
    np.testing.assert_allclose(both[1], generate(pipeline, prompts[1])[0], atol=1e-4)


def test_frame_numbers_are_no_unknown_words(pipeline: FollowYourPosePipeline) -> None:
    assert pipeline.unknown_words(f"0: {ROBOT} | 60: a dragon") == ["dragon"]
