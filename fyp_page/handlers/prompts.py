"""Prompts to start from, in words the model knows."""

from __future__ import annotations

from functools import cache

from fyp_core.generation.engine import Engine

_SUGGESTIONS = (
    "an astronaut on the moon",
    "a robot in Antarctica",
    "a panda in the snow",
    "Iron man on the beach",
    "Santa on the street",
    "a stormtrooper in the desert",
    "Spiderman in the park",
    "a policeman in the forest",
    "a woman in the gym",
    "Batman on the mountain",
    "Hulk on the sea",
    "a fireman on a blue background",
)
FALLBACK = list(_SUGGESTIONS[:8])


@cache  # busy replicas answer only after their job
def suggestions(engine: Engine) -> list[str]:
    """Prompts of which the model knows every word; those of the paper where there are none."""
    known = [prompt for prompt in _SUGGESTIONS if not engine.unknown_words(prompt)]
    return known or FALLBACK
