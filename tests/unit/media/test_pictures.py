"""Still pictures: read upright, and within the limits of videos."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fyp_media.decoding.isolated_video import DecodingLimits, IsolatedVideo
from fyp_media.errors import InputError
from fyp_media.read_video import read_picture

RED, BLUE = (255, 0, 0), (0, 0, 255)


@pytest.fixture
def flag() -> Image.Image:
    """48×32 pixels, red above blue."""
    pixels = np.full((32, 48, 3), RED, np.uint8)
    pixels[16:] = BLUE
    return Image.fromarray(pixels)


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "gif"])
def test_a_picture_is_read(flag: Image.Image, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"flag.{suffix}"
    flag.save(path)
    picture = read_picture(path)
    assert picture.shape == (32, 48, 3)
    assert np.abs(picture[4, 20].astype(int) - RED).max() < 8
    assert np.abs(picture[28, 20].astype(int) - BLUE).max() < 8
    assert read_picture(path, longest_side=24).shape == (16, 24, 3)
    with IsolatedVideo(path, DecodingLimits()) as isolated:
        assert np.array_equal(next(isolated.frames()), picture)


def test_a_photo_of_a_turned_phone_is_upright(flag: Image.Image, tmp_path: Path) -> None:
    turned = Image.Exif()
    turned[0x0112] = 6  # to be turned clockwise
    flag.save(tmp_path / "flag.jpg", exif=turned)
    picture = read_picture(tmp_path / "flag.jpg")
    assert picture.shape == (48, 32, 3)
    assert picture[20, 28, 0] > 200
    assert picture[20, 4, 2] > 200


def test_what_is_no_picture_or_too_large_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("This is no picture.")
    Image.new("1", (8000, 8000)).save(tmp_path / "wall.png")
    for name in ("text.png", "wall.png", "none.png"):
        with pytest.raises(
            InputError, match=f"{name} cannot be read; give a JPEG, PNG or WebP .* 36 megapixels"
        ):
            read_picture(tmp_path / name)
