"""The bundled model: small, documented, and it paints the character, the scene and the pose that it is asked for."""

import re
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from fyp_core.generation.engine import Engine, GenerationResult
from fyp_core.generation.request import GenerationRequest
from fyp_core.weights.checkpoints import checkpoints_folder
from tests.end_to_end.conftest import EXAMPLES

pytestmark = pytest.mark.slow

LARGEST = 60e6  # bytes
FRAMES = 4
REACH = 9  # pixels around the skeleton's lines that belong to the figure


@pytest.fixture(scope="module")
def paint() -> Callable[[str, str], GenerationResult]:
    engine = Engine("mini")

    def generate_example(skeleton: str, prompt: str) -> GenerationResult:
        video = EXAMPLES / f"skeleton_{skeleton}.mp4"
        return engine.generate(
            GenerationRequest(input=video, prompt=prompt, input_type="skeleton", frames=FRAMES, seed=0)
        )

    return generate_example


def test_it_is_small_and_carries_its_card() -> None:
    folder = checkpoints_folder() / "mini"
    assert sum(path.stat().st_size for path in folder.rglob("*")) < LARGEST
    card = (folder / "README.md").read_text()
    links = re.findall(r"\]\(([\w./]+)\)", card)
    assert links
    assert all(Path(folder, link).is_file() for link in links)


def test_the_figure_is_where_the_skeleton_is(paint: Callable[[str, str], GenerationResult]) -> None:
    for skeleton, other in (("jumping_jacks", "kick"), ("kick", "jumping_jacks")):
        result = paint(skeleton, "Iron man in the snow")
        figure, elsewhere = _figure(result), _figure(paint(other, "Iron man in the snow")) & ~_figure(result)
        redness = _redness(result)
        assert redness[figure].mean() > redness[elsewhere].mean() + 40


def test_the_prompt_changes_character_and_scene(paint: Callable[[str, str], GenerationResult]) -> None:
    iron_man, hulk = paint("macarena", "Iron man in the snow"), paint("macarena", "Hulk on the moon")
    figure, background = _figure(iron_man), ~_figure(iron_man)
    assert _redness(iron_man)[figure].mean() > _redness(hulk)[figure].mean() + 60
    green = [r.frames[figure][:, 1].mean() - r.frames[figure][:, 0].mean() for r in (iron_man, hulk)]
    assert green[1] > green[0] + 60
    assert iron_man.frames[background].mean() > hulk.frames[background].mean() + 80, (
        "snow is brighter than space"
    )


def _figure(result: GenerationResult) -> np.ndarray:
    """(F, H, W), where the skeleton and what is near it lie in the result."""
    height, width = result.frames.shape[1:3]
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (REACH, REACH))
    small = [cv2.resize(f, (width, height), interpolation=cv2.INTER_AREA) for f in result.guide.skeletons]
    return np.stack([cv2.dilate(frame.max(-1), kernel) > 30 for frame in small])


def _redness(result: GenerationResult) -> np.ndarray:
    red, _, blue = np.moveaxis(result.frames.astype(int), -1, 0)
    return red - blue
