"""Replicas on Ray Serve behind one engine: progress, a job stopped, the job of a dead replica run again."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from fyp_core.generation.device import Runtime
from fyp_core.generation.engine import Engine
from fyp_core.generation.job import Job, JobCancelled, Progress
from fyp_core.generation.request import GenerationRequest
from fyp_media.errors import InputError
from tests.end_to_end.conftest import EXAMPLES

pytest.importorskip("ray.serve")
from fyp_serving.engines.ray_engine import RayEngine, connect, deploy
from fyp_serving.engines.settings import ReplicaSettings, parse_replicas

pytestmark = pytest.mark.slow

RUNTIME = Runtime(device="cpu", dtype="fp32")
SETTINGS = ReplicaSettings(replicas=(2, 2), cpus=0.5, drain_seconds=30)
MANY_STEPS = 400  # enough to be interrupted


@pytest.fixture(scope="module")
def engine(tiny_model_dir: Path) -> Iterator[RayEngine]:
    import ray
    from ray import serve

    connect()
    deploy(SETTINGS, str(tiny_model_dir), runtime=RUNTIME)
    yield RayEngine(SETTINGS, str(tiny_model_dir), runtime=RUNTIME, max_waiting=3)
    serve.shutdown()
    ray.shutdown()


def asked(steps: int = 2, seed: int = 1) -> GenerationRequest:
    return GenerationRequest(
        input=EXAMPLES / "skeleton_disco.mp4",
        input_type="skeleton",
        prompt="a robot on the moon",
        frames=2,
        steps=steps,
        seed=seed,
    )


def replica_processes() -> list[psutil.Process]:
    return [p for p in psutil.Process().children(recursive=True) if "Replica" in " ".join(p.cmdline())]


def test_the_same_video_as_in_this_process(engine: RayEngine, tiny_model_dir: Path) -> None:
    phases: list[Progress] = []
    result = engine.generate(asked(), Job(phases.append))
    expected = Engine(str(tiny_model_dir), runtime=RUNTIME).generate(asked())
    np.testing.assert_array_equal(result.frames, expected.frames)
    assert result.settings()["seed"] == 1
    assert {"denoise", "decode"} <= {progress.phase for progress in phases}


def test_the_model_is_in_the_replicas_alone(engine: RayEngine, tiny_model_dir: Path) -> None:
    assert (engine.facts().name, engine.default_size.width) == (tiny_model_dir.name, 32)
    assert engine.unknown_words("a zebra on the moon") == ["zebra"]
    with pytest.raises(InputError, match="in the replicas and not in this process"):
        _ = engine.pipeline


def test_bad_input_is_one_sentence_from_any_process(engine: RayEngine) -> None:
    with pytest.raises(InputError, match="at most 50 steps"):
        engine.generate(GenerationRequest(**{**vars(asked(steps=51)), "scheduler": "lcm"}))


def test_a_job_is_stopped_and_its_replica_takes_the_next(engine: RayEngine) -> None:
    job = Job(lambda progress: progress.phase == "denoise" and progress.step == 3 and job.cancel())
    start = time.monotonic()
    with pytest.raises(JobCancelled):
        engine.generate(asked(MANY_STEPS), job)
    for seed in range(2):  # both replicas are free
        engine.generate(asked(seed=seed))
    assert time.monotonic() - start < 60


def test_two_jobs_at_once_and_a_third_waits(engine: RayEngine) -> None:
    guide = engine.prepare(asked())
    jobs = [Job() for _ in range(3)]
    results: dict[int, int] = {}

    def work(index: int) -> None:
        results[index] = (
            engine.render(asked(MANY_STEPS // 2, seed=index), guide, jobs[index]).request.seed or 0
        )

    threads = [threading.Thread(target=work, args=(index,)) for index in range(3)]
    for thread in threads:
        thread.start()
        time.sleep(0.1)
    assert [job.place for job in jobs] == [0, 0, 1]
    for thread in threads:
        thread.join(60)
    assert results == {0: 0, 1: 1, 2: 2}


def test_a_job_whose_replica_is_killed_is_run_again(engine: RayEngine) -> None:
    guide = engine.prepare(asked())
    killed: list[int] = []

    def kill_once(progress: Progress) -> None:
        if progress.phase == "denoise" and progress.step == 2 and not killed:
            busiest = max(replica_processes(), key=lambda process: process.cpu_percent(0.2))
            killed.append(busiest.pid)
            os.kill(busiest.pid, signal.SIGKILL)

    result = engine.render(asked(MANY_STEPS // 4), guide, Job(kill_once))
    assert killed
    assert len(result.frames) == 2


def test_replicas_are_replaced_without_a_lost_job(engine: RayEngine, tiny_model_dir: Path) -> None:
    guide = engine.prepare(asked())
    started = threading.Event()
    results: list[int] = []

    def work() -> None:
        job = Job(lambda progress: progress.step > 1 and started.set())
        results.append(len(engine.render(asked(MANY_STEPS), guide, job).frames))

    thread = threading.Thread(target=work)
    thread.start()
    assert started.wait(60)
    deploy(SETTINGS.model_copy(update={"drain_seconds": 31}), str(tiny_model_dir), runtime=RUNTIME)
    thread.join(120)
    assert results == [2]
    assert len(engine.generate(asked()).frames) == 2


@pytest.mark.parametrize(("text", "expected"), [("2", (2, 2)), ("1-4", (1, 4))])
def test_a_number_or_a_range_of_replicas(text: str, expected: tuple[int, int]) -> None:
    assert parse_replicas(text) == expected


def test_an_invalid_range_is_reported() -> None:
    with pytest.raises(InputError, match=r"'many'; give a number, or a range such as 1-4"):
        parse_replicas("many")
