"""Motions to start with, each with a prompt."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fyp_core.project_files import project_file

EXAMPLE_FOLDER = project_file("pose_example")


@dataclass(frozen=True)
class Example:
    name: str
    prompt: str

    @property
    def video(self) -> Path:
        return EXAMPLE_FOLDER / f"{self.name}.mp4"


EXAMPLES = (
    Example("skeleton_jumping_jacks", "an astronaut on the beach"),
    Example("raw_man_cheering", "a robot in Antarctica"),
    Example("skeleton_macarena", "a panda on the moon"),
    Example("skeleton_dribble", "Iron man in the snow"),
    Example("raw_woman_dancing", "a stormtrooper in the desert"),
    Example("skeleton_disco", "Hulk on the sea"),
    Example("skeleton_kick", "Batman on the street"),
    Example("raw_man_jumping_jacks", "a policeman in the forest"),
    Example("skeleton_arm_wave", "Superman on the mountain"),
)
