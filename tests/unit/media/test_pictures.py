"""Pictures of the documents: small files, and prompts that are not chosen."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fyp_core.synthetic import CHARACTERS, SCENES, STYLES, vocabulary
from fyp_core.synthetic.captions import words
from scripts.pictures import moving_strip, save_webp
from scripts.render_gallery import ROWS, write_prompts
from tests.end_to_end.conftest import ROOT


@pytest.fixture
def videos() -> np.ndarray:
    """Two of 6 frames, 40 x 60 pixels."""
    return np.random.default_rng(0).integers(0, 255, (2, 6, 40, 60, 3), np.uint8)


def test_a_picture_is_as_good_as_its_bytes_allow(videos: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "moving.webp"
    best = save_webp(path, videos[0], 10**6, fps=10)
    assert best == path.stat().st_size
    with Image.open(path) as picture:
        assert (picture.size, getattr(picture, "n_frames", 1), picture.info["loop"]) == ((60, 40), 6, 0)
    smaller = save_webp(path, videos[0], best * 2 // 3, fps=10)
    assert best / 3 < smaller <= best * 2 / 3


def test_what_is_followed_stands_small_beside_the_results(videos: np.ndarray) -> None:
    strip = moving_strip(videos, {"a robot": videos[0], "a panda": videos[1]}, 80)
    _, height, width, _ = strip.shape
    small = width - 2 * 120
    assert len(strip) == 6 and height > 80
    assert small == round(60 * (height // 2) / 40)
    np.testing.assert_allclose(strip[:, :80, small + 120 :].mean(), videos[1].mean(), atol=5)


def test_the_gallery_shows_every_character_scene_and_style() -> None:
    prompts = write_prompts(ROWS, 0)
    assert prompts == write_prompts(ROWS, 0) != write_prompts(ROWS, 1)
    count = sum(map(len, prompts))
    assert 25 <= count <= 35
    assert count >= max(len(CHARACTERS), len(SCENES))
    assert sum(row.results for row in ROWS if row.are_styled) >= len(STYLES)
    known = set(vocabulary())
    assert {word for row in prompts for prompt in row for word in words(prompt)} <= known
    assert all((ROOT / "pose_example" / f"{row.source}.mp4").is_file() for row in ROWS)
