"""The page's examples are there at once, and are what they say."""

import pytest
from PIL import Image

from fyp_core.generation.metadata import read_settings
from fyp_media.read_video import probe
from fyp_page.examples import Example, examples
from tests.end_to_end.conftest import ROOT


def test_there_are_enough_of_every_kind() -> None:
    found = examples()
    assert len(found) >= 8
    assert {example.kind for example in found} == {"raw", "skeleton"}
    assert any("two people" in example.title.lower() for example in found)
    assert any(example.settings.get("aspect") == "9:16" for example in found)
    assert len({example.name for example in found}) == len(found)


@pytest.mark.parametrize("example", examples(), ids=lambda example: example.name)
def test_result_skeleton_and_poster_belong_together(example: Example) -> None:
    made_with = read_settings(example.result)
    assert (made_with["prompt"], made_with["input"]) == (example.prompt, example.video.name)
    for name in ("frames", "stride", "seed"):
        assert made_with[name] == example.settings[name]
    result = probe(example.result)
    assert result.frame_count == example.settings["frames"]
    assert (example.settings["frames"] - 1) * example.settings["stride"] < probe(example.video).frame_count
    if example.kind == "raw":
        skeleton = probe(example.skeleton)
        assert (skeleton.frame_count, skeleton.fps) == (result.frame_count, pytest.approx(result.fps))
    with Image.open(example.poster) as poster:
        scale = min(1, 320 / max(result.width, result.height))  # the longest side of a poster
        assert poster.size == (round(scale * result.width), round(scale * result.height))


def test_they_are_small() -> None:
    stored = [path for path in (ROOT / "pose_example").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in stored) < 1_500_000
    assert (ROOT / "assets/hero.webp").stat().st_size < 500_000
