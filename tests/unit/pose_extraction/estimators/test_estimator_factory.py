"""Estimators are loaded by name, once a process, and those that cannot run here say why in one sentence."""

import threading
import time
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from fyp_media.errors import InputError
from pose_extraction.estimators.factory import (
    ESTIMATOR_NAMES,
    EstimatorEntry,
    EstimatorFactory,
    available_estimators,
    choose_estimator,
    start_estimator,
)


@dataclass
class Named:
    name: str


def makes(name: str) -> EstimatorEntry:
    return EstimatorEntry(lambda *_: Named(name), in_auto=True, fast_on_cpu=name == "quick")


def refuse(*_):
    raise InputError("The weights are not here.")


def no_library(*_):
    raise ImportError("No module named 'torchpose'")


@pytest.mark.parametrize(
    ("has_gpu", "best", "chosen", "reason"),
    [
        (True, makes("best"), "best", "most accurate"),
        (
            True,
            EstimatorEntry(refuse, in_auto=True),
            "quick",
            "cannot run here: best: The weights are not here.",
        ),
        (False, makes("best"), "quick", "without a GPU"),
    ],
    ids=["GPU", "GPU, no weights", "CPU"],
)
def test_auto_takes_the_best_that_runs_here_and_says_why(monkeypatch, caplog, has_gpu, best, chosen, reason):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: has_gpu)
    factory = EstimatorFactory({"slow": EstimatorEntry(pytest.fail), "best": best, "quick": makes("quick")})
    with caplog.at_level("INFO", logger="pose_extraction"):
        taken, why = factory.choose()
    assert taken == Named(chosen)
    assert reason in why
    assert f"by {chosen}: {why}" in caplog.text


def test_estimators_that_cannot_be_had_are_one_sentence():
    factory = EstimatorFactory({"torchpose": EstimatorEntry(no_library, install="pip install torchpose")})
    with pytest.raises(InputError, match=r"torchpose.*install it with: pip install torchpose"):
        factory.create("torchpose")
    with pytest.raises(InputError, match="no estimator 'openpose'; choose one of auto, vitpose, hrnet"):
        choose_estimator("openpose")


def test_weights_need_an_estimator_that_takes_them():
    with pytest.raises(InputError, match="name it"):
        choose_estimator("auto", "w.pth")
    with pytest.raises(InputError, match="own weights"):
        choose_estimator("mediapipe", "w.pth")


def test_an_estimator_is_loaded_once_for_all_threads_and_again_after_a_failure():
    loaded = []

    def load(weights, stills):
        if weights == "broken" and not loaded:
            loaded.append("failed")
            raise InputError("broken")
        time.sleep(0.05)
        loaded.append((weights, stills))
        return Named(f"{weights}")

    factory = EstimatorFactory({"one": EstimatorEntry(load)})
    with pytest.raises(InputError, match="broken"):
        factory.create("one", "broken")
    factory.create("one", "broken")
    got = []
    threads = [threading.Thread(target=lambda: got.append(factory.create("one"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(map(id, got))) == 1
    factory.create("one", stills=True)
    assert loaded == ["failed", ("broken", False), (None, False), (None, True)]


def test_estimators_that_run_here_are_listed_and_why_the_others_do_not():
    factory = EstimatorFactory(
        {
            "here": makes("here"),
            "no package": EstimatorEntry(pytest.fail, ("no_such_package",), "pip install no-such-package"),
            "no weights": EstimatorEntry(pytest.fail, weights_on_disk=lambda: False),
        }
    )
    states = {state.name: state for state in factory.available()}
    assert [name for name, state in states.items() if state.usable] == ["auto", "here"]
    assert "install it with: pip install no-such-package" in states["no package"].why_not
    assert "weights of no weights are not on this disk" in states["no weights"].why_not


def test_of_the_estimators_there_are_mediapipe_needs_nothing(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    states = available_estimators()
    assert tuple(state.name for state in states) == ESTIMATOR_NAMES
    usable = {state.name for state in states if state.usable}
    assert {"auto", "mediapipe"} <= usable
    assert "hrnet" not in usable
    for state in states:
        assert state.usable == (not state.why_not)
        assert "\n" not in state.why_not


def test_one_estimator_follows_several_videos_at_once():
    """Frames of two videos in turn: neither sees the other's people."""
    estimator = choose_estimator("mediapipe")[0]
    first, second = (estimator.estimate(np.zeros((3, 64, 64, 3), np.uint8)) for _ in range(2))
    assert [len(poses) for pair in zip(first, second) for poses in pair] == [0] * 6


def test_an_estimator_that_was_started_is_the_one_that_is_used():
    start_estimator("mediapipe")
    assert choose_estimator("mediapipe")[0] is choose_estimator("auto")[0]
    with pytest.raises(InputError, match="There is no estimator"):
        start_estimator("openpose")
