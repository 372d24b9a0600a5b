"""Frames that are compressed in memory are those that were put in."""

import pickle

import numpy as np
import pytest

from fyp_core.conditioning.compressed_frames import CompressedFrames
from pose_extraction.skeleton import draw_skeleton


@pytest.fixture(scope="module")
def drawn() -> np.ndarray:
    joints = np.random.default_rng(0).uniform(60, 130, (5, 1, 17, 2))
    return np.stack([draw_skeleton(frame, None, 256, 192) for frame in joints])


def test_they_read_as_the_array_does(drawn: np.ndarray) -> None:
    frames = pickle.loads(pickle.dumps(CompressedFrames(frame[:, ::-1] for frame in drawn)))
    mirrored = drawn[:, :, ::-1]
    assert (len(frames), frames.shape) == (5, mirrored.shape)
    assert np.array_equal(frames, mirrored)
    assert np.array_equal(np.stack(list(frames)), mirrored)
    assert np.array_equal(frames[-1], mirrored[-1])
    assert np.array_equal(frames[1:4:2], mirrored[1:4:2])
    assert frames[5:].shape == (0, *mirrored.shape[1:])


def test_drawings_take_a_small_part_of_their_size(drawn: np.ndarray) -> None:
    assert CompressedFrames(drawn).nbytes < drawn.nbytes / 10
