"""The toy model as it is published, and another model of its family."""

from pathlib import Path

import pytest
import torch
from diffusers import DDIMScheduler

from benchmarks.random_model import SCHEDULER, clip_tokenizer
from fyp_core.pipeline import FollowYourPosePipeline
from tests.tiny_formats import published_layout
from tests.tiny_model import build_pipeline


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> FollowYourPosePipeline:
    """What all the files are written from."""
    return build_pipeline(
        tokenizer=clip_tokenizer(tmp_path_factory.mktemp("tokenizer")),
        scheduler=DDIMScheduler(**SCHEDULER, clip_sample=False, steps_offset=1),
    )


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> FollowYourPosePipeline:
    """Another model of the family: other weights in all parts."""
    pipeline = build_pipeline(
        tokenizer=clip_tokenizer(tmp_path_factory.mktemp("tokenizer")),
        scheduler=DDIMScheduler(**SCHEDULER, clip_sample=False, steps_offset=1),
    )
    generator = torch.Generator().manual_seed(5)
    for part in (pipeline.unet, pipeline.vae, pipeline.text_encoder):
        for parameter in part.parameters():
            parameter.data += 0.02 * torch.randn(parameter.shape, generator=generator)
    return pipeline


@pytest.fixture(scope="module")
def published(original: FollowYourPosePipeline, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return published_layout(original, tmp_path_factory.mktemp("checkpoints"))


@pytest.fixture(autouse=True)
def here(published: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The published model is on this machine, the hub out of reach."""
    monkeypatch.setenv("FYP_CHECKPOINTS", str(published))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
