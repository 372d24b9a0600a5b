"""Sizes that a model makes: its own, those asked for, and other proportions of about as many pixels."""

import json
from pathlib import Path

import pytest

from fyp_core.generation.result_size import ModelSize, parse_aspect, result_size
from fyp_core.weights.sources import ModelSource, resolve_model
from fyp_media.errors import InputError

SOURCE = (1080, 1920)
PUBLISHED, MINI = ModelSize(512, 512, 8), ModelSize(256, 256, 16, seconds=20, fps=12, page_preset="turbo")


def test_the_model_tells_its_size_without_its_weights(tiny_model_dir: Path) -> None:
    assert ModelSize.of(resolve_model("mini")) == MINI
    assert ModelSize.of(resolve_model(tiny_model_dir)) == ModelSize(32, 32, 8)


def test_an_autoencoder_on_blocks_of_pixels_needs_larger_multiples(tmp_path: Path) -> None:
    (tmp_path / "vae").mkdir()
    config = tmp_path / "vae" / "config.json"
    source = ModelSource("blocks", tmp_path, tmp_path / "unet", tmp_path / "pose_encoder", layout=tmp_path)
    config.write_text(json.dumps({"in_channels": 12, "block_out_channels": [16, 32, 64, 128]}))
    assert ModelSize.of(source).factor == 16
    config.write_text("{")
    with pytest.raises(InputError, match="damaged; get the model again"):
        ModelSize.of(source)


@pytest.mark.parametrize("model", [PUBLISHED, MINI])
@pytest.mark.parametrize("aspect", ["source", "square", "9:16", "16:9", "3:2", "1.91:1"])
def test_other_proportions_keep_the_number_of_pixels(model: ModelSize, aspect: str) -> None:
    height, width = result_size(model, SOURCE, None, None, aspect)
    wanted = 16 / 9 if aspect == "source" else parse_aspect(aspect)[0] / parse_aspect(aspect)[1]
    assert width / height == pytest.approx(wanted, rel=0.06)
    assert width * height == pytest.approx(model.width * model.height, rel=0.1)
    assert not width % model.factor and not height % model.factor


def test_sizes_asked_for_are_taken() -> None:
    assert result_size(MINI, SOURCE, None, None, None) == (256, 256)
    assert result_size(MINI, SOURCE, 192, None, None) == (256, 192)


@pytest.mark.parametrize(
    ("wish", "sentence"),
    [
        ((96, None, "9:16"), "leave one of them out"),
        ((100, None, None), "multiples of 16"),
        ((None, None, "9:0"), "no aspect '9:0'"),
        ((None, None, "wide"), "no aspect 'wide'"),
        ((None, None, "nan:1"), "no aspect 'nan:1'"),
        ((None, None, "9:1"), "too extreme"),
    ],
)
def test_sizes_that_cannot_be_made_are_reported(wish: tuple, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        result_size(MINI, SOURCE, *wish)
