"""The page's engine: in the process by default, otherwise replicas as the environment says."""

from pathlib import Path

import pytest

from fyp_core.generation.engine import Engine
from fyp_media.errors import InputError
from fyp_serving.engines.choice import make_engine, settings_from
from fyp_serving.limits import Limits
from pose_extraction.pose_cache import EstimatedPoses
from pose_extraction.poses import FramePoses


def test_without_a_word_the_model_is_in_this_process() -> None:
    engine = make_engine("mini", Limits(queue=3), {})
    assert type(engine) is Engine
    assert engine.model_name == "mini"


def test_poses_of_visitors_are_not_kept_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FYP_POSE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "v.mp4").write_bytes(b"a video")
    poses = EstimatedPoses([FramePoses.nobody()], 48, 64, "mediapipe", "it was asked for")
    for limits, is_kept in ((Limits(keep_hours=24), False), (Limits(), True)):
        engine = make_engine("mini", limits, {})
        engine.pose_cache.get(tmp_path / "v.mp4", {}, "mediapipe", None, lambda: poses)
        assert (tmp_path / "cache").exists() == is_kept


def test_what_replicas_take_is_read_from_the_environment() -> None:
    settings = settings_from({"FYP_REPLICAS": "1-3", "FYP_REPLICA_GPUS": "0.5"})
    assert (settings.min_replicas, settings.max_replicas, settings.cpus, settings.gpus) == (1, 3, 1.0, 0.5)
    with pytest.raises(InputError, match="3-1"):
        settings_from({"FYP_REPLICAS": "3-1"})
    with pytest.raises(InputError, match="gpus"):
        settings_from({"FYP_REPLICA_GPUS": "many"})
