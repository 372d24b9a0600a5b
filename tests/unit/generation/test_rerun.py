"""Videos made again: those made before there was a choice of what is shown keep what they showed."""

from typing import Any

from fyp_core.generation.rerun import repeated

BEFORE: dict[str, Any] = {"input": "v.mp4", "prompt": "a robot", "width": 128, "height": 128, "seed": 3}


def test_a_video_made_when_only_the_middle_was_shown_shows_it_again() -> None:
    assert repeated(BEFORE, {})["fit"] == "cover"
    assert repeated(BEFORE, {"fit": "people"})["fit"] == "people"
    assert "fit" not in repeated(BEFORE | {"fit": None}, {})


def test_other_proportions_replace_the_stored_size() -> None:
    values = repeated(BEFORE, {"aspect": "9:16"})
    assert values["aspect"] == "9:16"
    assert not {"width", "height"} & set(values)
