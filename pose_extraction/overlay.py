"""Skeletons over the frames they were found in, to see whether they are right."""

from collections.abc import Iterable, Iterator

import numpy as np

from pose_extraction.motion.motion import Motion


def over_frames(frames: Iterable[np.ndarray], motion: Motion) -> Iterator[np.ndarray]:
    """Paint each frame's people over it: (H, W, 3) uint8 RGB in and out, streamed."""
    for frame, skeleton in zip(frames, motion.draw()):
        # Lines are drawn on black with soft edges: the brightest channel tells how much of a pixel they cover.
        cover = skeleton.max(axis=-1, keepdims=True).astype(np.uint16)
        yield ((frame * (255 - cover) + 127) // 255 + skeleton).clip(max=255).astype(np.uint8)
