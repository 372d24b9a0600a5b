"""Every vector of an embedding acts, in whatever case its word is written; files that do not fit are named."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from fyp_core.pipeline import FollowYourPosePipeline
from fyp_core.weights.sources import Additions, resolve_model
from fyp_media.errors import InputError
from tests.tiny_model import make_video

VECTORS = torch.randn(4, 16, generator=torch.Generator().manual_seed(0))


def load(*files: Path) -> FollowYourPosePipeline:
    additions = Additions(embeddings=tuple(map(str, files)))
    return FollowYourPosePipeline.from_source(resolve_model("followyourpose-v1", additions))


@pytest.mark.parametrize("vector", range(4))
def test_every_vector_of_a_word_with_capitals_acts_in_a_negative_prompt(vector: int, tmp_path: Path) -> None:
    changed = VECTORS.clone()
    changed[vector] *= -1
    videos = []
    for name, vectors in (("one", VECTORS), ("two", changed)):
        (tmp_path / name).mkdir()
        file = tmp_path / name / "EasyNegative.safetensors"
        save_file({"emb_params": vectors}, file)
        videos.append(make_video(load(file), negative_prompt="EasyNegative"))
    assert np.abs(videos[0] - videos[1]).max() > 1e-5


def test_a_word_acts_in_any_case_and_only_as_a_whole_word(tmp_path: Path) -> None:
    save_file({"emb_params": VECTORS}, tmp_path / "MyHero.safetensors")
    pipeline = load(tmp_path / "MyHero.safetensors")
    expected = "a MyHero MyHero_1 MyHero_2 MyHero_3, blue"
    for spelling in ("MyHero", "myhero", "MYHERO"):
        assert pipeline.maybe_convert_prompt(f"a {spelling}, blue", pipeline.tokenizer) == expected
    assert pipeline.maybe_convert_prompt(["a myheroes", "MyHero_2"], pipeline.tokenizer) == [
        "a myheroes",
        "MyHero_2",
    ]


def test_several_words_of_one_file(tmp_path: Path) -> None:
    save_file({"<one>": VECTORS[0].clone(), "<two>": VECTORS[1].clone()}, tmp_path / "words.safetensors")
    assert {"<one>", "<two>"} <= load(tmp_path / "words.safetensors").tokenizer.get_vocab().keys()


@pytest.mark.parametrize(
    ("tensors", "complaint"),
    [
        ({"emb_params": (4, 1024)}, "1024 values .Stable Diffusion 2.x., this model's 16"),
        ({"clip_l": (4, 768), "clip_g": (4, 1280)}, "an embedding for SDXL"),
        ({"unet.x.lora_A.weight": (2, 8)}, "it is a LoRA, which is for --lora"),
        ({"emb_params": (1000, 16)}, "1000 vectors, but at most 75 fit"),
        ({f"<{number}>": (16,) for number in range(300)}, "300 words, but at most 200"),
    ],
)
def test_other_files_are_named(tensors: dict[str, tuple[int, ...]], complaint: str, tmp_path: Path) -> None:
    save_file({name: torch.zeros(shape) for name, shape in tensors.items()}, tmp_path / "x.safetensors")
    with pytest.raises(InputError, match=rf"x\.safetensors is no embedding for this model: .*{complaint}"):
        load(tmp_path / "x.safetensors")


def test_a_word_that_the_model_knows_already(tmp_path: Path) -> None:
    save_file({"emb_params": VECTORS}, tmp_path / "a.safetensors")
    with pytest.raises(InputError, match="knows a word 'a' already; rename the file"):
        load(tmp_path / "a.safetensors")
