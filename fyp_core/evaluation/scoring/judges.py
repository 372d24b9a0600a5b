"""The judges of generated pictures: an HRNet for poses, a classifier for characters and scenes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch

from fyp_core.evaluation.scoring.classifier import Classifier
from fyp_core.evaluation.scoring.people import person_boxes
from fyp_media.errors import InputError
from pose_extraction.estimators.hrnet import HRNetPose
from pose_extraction.estimators.hrnet_weights import load_hrnet

POSE_FILE, CLASSIFIER_FILE = "hrnet.safetensors", "classifier.safetensors"


class Judges:
    """Judges people in pictures, each in the box around the joints that the skeleton shows.

    In all methods ``pictures`` are (F, H, W, 3) uint8 RGB, ``asked`` the requested joints (F, P, 17, 2) in pixels of P
    people, and ``visible`` (F, P, 17) bool which of these are in the picture.
    """

    def __init__(self, pose: HRNetPose, classifier: Classifier) -> None:
        self._pose, self._classifier = pose, classifier

    @classmethod
    def load(cls, folder: Path) -> Judges:
        """Read trained judges.

        Raises:
            InputError: they are not there, or of another kind.
        """
        return cls(load_pose(folder / POSE_FILE), Classifier.load(folder / CLASSIFIER_FILE))

    def check_names(self, characters: Iterable[str], scenes: Iterable[str]) -> None:
        """Raise InputError where the classifier was not trained on a character or a scene."""
        known = {*self._classifier.characters, *self._classifier.scenes}
        if unknown := sorted({*characters, *scenes} - known):
            raise InputError(
                f"The classifier among the judges was not trained on {', '.join(unknown)};"
                " train it with configs/judge_classifier.yaml."
            )

    def find_joints(
        self, pictures: np.ndarray, asked: np.ndarray, visible: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Joints (F, P, 17, 2) in pixels and their scores (F, P, 17)."""
        boxes = person_boxes(asked, visible, pictures.shape[1:3])
        people = self._pose.poses(list(pictures), list(boxes))
        return np.stack([each.keypoints for each in people]), np.stack([each.scores for each in people])

    def classify(
        self, pictures: np.ndarray, asked: np.ndarray, visible: np.ndarray
    ) -> tuple[tuple[str, ...], str]:
        """The character of each person, and the scene."""
        boxes = person_boxes(asked, visible, pictures.shape[1:3])
        seen = np.asarray(visible.any(-1))  # F P
        characters = tuple(
            self._classifier.name_character(pictures[seen[:, person]], boxes[seen[:, person], person])
            if seen[:, person].any()
            else ""
            for person in range(asked.shape[1])
        )
        return characters, self._classifier.name_scene(pictures)

    def features(self, pictures: np.ndarray) -> np.ndarray:
        """Features (F, D) of the classifier, before its last layer."""
        return self._classifier.features(pictures)


def load_pose(path: Path) -> HRNetPose:
    """Read the judge of poses; raises InputError where it is not there, or of another kind."""
    if not path.is_file():
        raise InputError(f"There is no judge {path}; train it with configs/judge_pose.yaml.")
    try:
        return load_hrnet(path, torch.device("cpu"))
    except InputError as error:
        raise InputError(
            f"{path} is no judge of this kind; train one with configs/judge_pose.yaml."
        ) from error
