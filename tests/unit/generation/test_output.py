"""Every generated video says that it is one, and how it was made."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fyp_core.generation.metadata import AI_GENERATED, read_settings
from fyp_core.generation.output import save_video
from fyp_media.errors import InputError
from fyp_media.read_video import read_frames

SETTINGS = {"prompt": 'a "knight" & <robot> — é', "seed": 7, "crop": [0, 0, 1, 2], "loras": []}


@pytest.fixture
def frames() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (5, 32, 48, 3), np.uint8)


@pytest.mark.parametrize("suffix", [".mp4", ".gif"])
def test_settings_and_mark_are_in_the_file(suffix: str, frames: np.ndarray, tmp_path: Path) -> None:
    marked, plain = tmp_path / f"marked{suffix}", tmp_path / f"plain{suffix}"
    save_video(marked, frames, 8, SETTINGS)
    save_video(plain, frames, 8)
    assert read_settings(marked) == SETTINGS
    assert AI_GENERATED.encode() in marked.read_bytes()
    assert AI_GENERATED.encode() not in plain.read_bytes()
    assert np.array_equal(list(read_frames(marked)), list(read_frames(plain)))
    with pytest.raises(InputError, match="does not say how"):
        read_settings(plain)


def test_other_programs_can_read_the_gif_and_its_metadata(frames: np.ndarray, tmp_path: Path) -> None:
    save_video(tmp_path / "out.gif", frames, 8, SETTINGS)
    with Image.open(tmp_path / "out.gif") as image:
        assert image.n_frames == len(frames)
        image.seek(image.n_frames - 1)
        image.load()


def test_mp4_boxes_are_whole(frames: np.ndarray, tmp_path: Path) -> None:
    save_video(tmp_path / "out.mp4", frames, 8, SETTINGS)
    content, place, kinds = (tmp_path / "out.mp4").read_bytes(), 0, []
    while place < len(content):
        kinds.append(content[place + 4 : place + 8])
        place += int.from_bytes(content[place : place + 4])
    assert place == len(content)
    assert kinds[-1] == b"uuid"


@pytest.mark.parametrize(
    "content", [None, b"", b"<?xpacket begin= <fyp:Settings>{</fyp:Settings><?xpacket end="]
)
def test_other_files_are_named(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "video.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"video\.mp4"):
        read_settings(path)
