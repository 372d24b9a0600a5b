"""Skeletons and numbers over the frames that people were found in, to see whether they are right."""

from collections.abc import Iterable, Iterator

import cv2
import numpy as np

from pose_extraction.motion.motion import Motion


def over_frames(frames: Iterable[np.ndarray], motion: Motion) -> Iterator[np.ndarray]:
    """Paint each frame's people over it: (H, W, 3) uint8 RGB in and out, streamed."""
    for frame, skeleton in zip(frames, motion.draw()):
        # Lines are drawn on black with soft edges: the brightest channel is the share of a pixel that they cover.
        cover = skeleton.max(axis=-1, keepdims=True).astype(np.uint16)
        yield ((frame * (255 - cover) + 127) // 255 + skeleton).clip(max=255).astype(np.uint8)


def number_people(frame: np.ndarray, keypoints: np.ndarray) -> np.ndarray:
    """A box around each person with their number, as ``--people`` counts them.

    Args:
        frame: (H, W, 3) uint8 RGB.
        keypoints: (P, 17, 2) x and y in pixels, NaN where unknown; a person without a known joint gets no box.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    marked = np.ascontiguousarray(frame).copy()
    unit = max(frame.shape) / 640
    thickness, letters = max(1, round(1.5 * unit)), 0.8 * unit
    for number, joints in enumerate(keypoints, start=1):
        known = joints[np.isfinite(joints).all(axis=-1)]
        if not len(known):
            continue
        left, top = np.floor(known.min(axis=0) - 8 * unit).astype(int).clip(0).tolist()
        right, bottom = np.ceil(known.max(axis=0) + 8 * unit).astype(int).tolist()
        cv2.rectangle(marked, (left, top), (right, bottom), (255, 255, 255), thickness)
        (width, height), _ = cv2.getTextSize(str(number), cv2.FONT_HERSHEY_SIMPLEX, letters, 2 * thickness)
        corner = left + width + 6 * thickness, top + height + 6 * thickness
        cv2.rectangle(marked, (left, top), corner, (255, 255, 255), cv2.FILLED)
        place = left + 3 * thickness, top + height + 3 * thickness
        cv2.putText(
            marked, str(number), place, cv2.FONT_HERSHEY_SIMPLEX, letters, (0, 0, 0), 2 * thickness, cv2.LINE_AA
        )  # fmt: skip
    return marked
