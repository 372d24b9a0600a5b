"""What the judges say of videos, and how long they took: shared by the benchmarks of sampling and of windows."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from fyp_core.evaluation import world_cases
from fyp_core.evaluation.cases import PAIRS, Case
from fyp_core.evaluation.report import PCK
from fyp_core.evaluation.scoring import measures
from fyp_core.evaluation.scoring.judges import Judges
from fyp_core.evaluation.variants import MODEL, show
from fyp_core.generation.engine import Engine
from fyp_core.generation.request import GenerationRequest
from fyp_core.weights.checkpoints import bundled

THRESHOLDS = {name.upper(): threshold for name, threshold in PCK.items()}


class Bench:
    """A model, its judges, and clips of the procedural world with motions that no model was trained on.

    Args:
        model: name or folder.
        clips: of each kind of pair of character and scene.
        frames: of each clip.
    """

    def __init__(self, model: str, clips: int, frames: int) -> None:
        self._engine = Engine(model)
        self.pipeline = self._engine.pipeline
        self.judges = Judges.load(bundled("judges"))
        size = self.pipeline.config.default_height, self.pipeline.config.default_width
        self.cases = [case for pairs in PAIRS for case in world_cases(pairs, clips, frames, size)]

    def generate(self, at_once: int = 4, **settings: Any) -> tuple[list[np.ndarray], float]:
        """The clips, (F, H, W, 3) uint8 RGB each, and the processor's seconds a frame; the same noise every time.

        Args:
            at_once: clips in one call of the pipeline.
            settings: of the request: how it is sampled; ``window`` and ``window_overlap`` of the pipeline.
        """
        of_pipeline = {name: settings.pop(name) for name in ("window", "window_overlap") if name in settings}
        request = GenerationRequest(input="", prompt="each case brings its own", **settings)
        sampling = self._engine.prepare_sampling(request) | of_pipeline
        videos: list[np.ndarray] = []
        start = time.process_time()  # other programs may run at the same time
        for first in range(0, len(self.cases), at_once):
            videos += show(self.pipeline, MODEL, self.cases[first : first + at_once], 0, sampling)
        seconds = time.process_time() - start
        return videos, seconds / sum(map(len, videos))

    def judge(self, videos: Sequence[np.ndarray]) -> dict[str, float]:
        """Means over the clips."""
        each = [self._judge(case, video) for case, video in zip(self.cases, videos, strict=True)]
        return {name: float(np.mean([of_one[name] for of_one in each])) for name in each[0]}

    def _judge(self, case: Case, video: np.ndarray) -> dict[str, float]:
        asked = case.keypoints, case.visible
        points, _ = self.judges.find_joints(video, *asked)
        characters, scene = self.judges.classify(video, *asked)
        return {
            **{
                name: measures.correct_keypoints_of_people(points, *asked, threshold)
                for name, threshold in THRESHOLDS.items()
            },
            "character": float(characters == case.characters),
            "scene": float(scene == case.scene),
            "flicker": measures.background_flicker(video, case.skeletons) or 0.0,
        }


def decibels(videos: Sequence[np.ndarray], reference: Sequence[np.ndarray]) -> float:
    """Peak signal-to-noise ratio of 8-bit videos, mean over the clips; 99 where they are equal."""
    errors = [np.square(a.astype(float) - b).mean() for a, b in zip(videos, reference, strict=True)]
    return float(np.mean([10 * np.log10(255**2 / error) if error else 99.0 for error in errors]))
