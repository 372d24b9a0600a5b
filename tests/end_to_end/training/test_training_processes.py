"""Training as a command: on several processes, killed and continued, stopped, logged. At toy size."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from fyp_media.write_video import write_video
from tests.end_to_end.conftest import ENVIRONMENT, ROOT

pytestmark = pytest.mark.slow

Run = Callable[..., subprocess.CompletedProcess[str]]
TRAIN = ROOT / "train_followyourpose.py"
SHARDED = ROOT / "tests/end_to_end/training/sharded_on_cpus.py"
STEPS = 20


@pytest.fixture
def config(tmp_path: Path, tiny_model_dir: Path) -> Path:
    """Stage 2 on five noisy clips."""
    rng = np.random.default_rng(0)
    rows = ["path,caption"]
    for index in range(5):
        clip = rng.integers(0, 255, (4, 32, 32, 3), dtype=np.uint8)
        write_video(tmp_path / f"clips/{index}.mp4", clip, fps=8)
        rows.append(f"{index}.mp4,a robot on the moon")
    (tmp_path / "clips/clips.csv").write_text("\n".join(rows))
    data = {"kind": "clips", "path": str(tmp_path / "clips/clips.csv"), "width": 32, "height": 32}
    settings = {
        "stage": "temporal",
        "pretrained_model_path": str(tiny_model_dir),
        "train_data": {**data, "n_sample_frames": 3},
        "max_train_steps": STEPS,
        "train_batch_size": 2,
        "learning_rate": 1e-3,
        "lr_warmup_steps": 5,
        "ema_decay": 0.9,
        "checkpointing_steps": 10,
        "validation_steps": STEPS,
        "validation_data": {"prompts": ["a robot"], "video_length": 3},
    }
    path = tmp_path / "train.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path


def learnt(model: Path) -> dict[str, torch.Tensor]:
    return load_file(model / "unet/diffusion_pytorch_model.safetensors")


def logged(output: Path) -> EventAccumulator:
    events = EventAccumulator(str(output / "logs/followyourpose"))
    events.Reload()
    return events


def losses(output: Path) -> list[float]:
    return [event.value for event in logged(output).Scalars("loss")]


def test_two_processes_train_as_one(config: Path, run: Run, tmp_path: Path) -> None:
    launch = ("-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2")
    both = run(*launch, TRAIN, f"--config={config}", "output_dir=two", "report_to=tensorboard")
    assert both.returncode == 0, both.stderr
    alone = run(TRAIN, f"--config={config}", "output_dir=one", "report_to=tensorboard", "train_batch_size=4")
    assert alone.returncode == 0, alone.stderr
    assert len(losses(tmp_path / "two")) == STEPS
    np.testing.assert_allclose(losses(tmp_path / "two"), losses(tmp_path / "one"), atol=1e-4)
    assert (tmp_path / "two/checkpoint-000010/random_states_1.pkl").is_file(), "there were two processes"
    assert logged(tmp_path / "two").Images("samples")[0].step == STEPS

    # one process goes on from where two had come to
    half = "resume_from_checkpoint=two/checkpoint-000010"
    resumed = run(TRAIN, f"--config={config}", "output_dir=rest", half, "train_batch_size=4")
    assert resumed.returncode == 0, resumed.stderr
    assert "Resumed from step 10" in resumed.stderr
    whole = learnt(tmp_path / "one/model")
    for name, tensor in learnt(tmp_path / "rest/model").items():
        torch.testing.assert_close(tensor, whole[name], atol=1e-4, rtol=1e-3)


FSDP = {
    "ACCELERATE_USE_CPU": "true",
    "ACCELERATE_USE_FSDP": "true",
    "FSDP_VERSION": "2",
    "FSDP_AUTO_WRAP_POLICY": "TRANSFORMER_BASED_WRAP",  # as accelerate config suggests
}
DEEPSPEED = {"ACCELERATE_USE_DEEPSPEED": "true", "DS_ACCELERATOR": "cpu"}


@pytest.mark.parametrize(
    "variables",
    [
        pytest.param(FSDP, id="fsdp"),
        pytest.param(DEEPSPEED | {"ACCELERATE_DEEPSPEED_ZERO_STAGE": "2"}, id="zero 2"),
        pytest.param(DEEPSPEED | {"ACCELERATE_DEEPSPEED_ZERO_STAGE": "3"}, id="zero 3"),
    ],
)
def test_weights_shared_out_among_processes_train_as_whole_ones(
    config: Path, run: Run, tmp_path: Path, variables: dict[str, str]
) -> None:
    if "ACCELERATE_USE_DEEPSPEED" in variables:
        pytest.importorskip("deepspeed", reason="DeepSpeed is not installed.")
    settings = (f"--config={config}", "ema_decay=0", "report_to=tensorboard")
    whole = run(TRAIN, *settings, "output_dir=whole", "train_batch_size=4")
    assert whole.returncode == 0, whole.stderr
    sharded = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", SHARDED, *settings)
    shared = run(*sharded, "output_dir=shared", **variables)
    assert shared.returncode == 0, shared.stderr
    np.testing.assert_allclose(losses(tmp_path / "shared"), losses(tmp_path / "whole"), atol=1e-4)
    assert not (tmp_path / "shared/checkpoint-000010/learnt.safetensors").exists(), "nobody has all weights"
    half = "resume_from_checkpoint=shared/checkpoint-000010"
    resumed = run(*sharded, "output_dir=rest", half, **variables)
    assert resumed.returncode == 0, resumed.stderr
    expected = learnt(tmp_path / "whole/model")
    for output in ("shared", "rest"):
        for name, tensor in learnt(tmp_path / output / "model").items():
            torch.testing.assert_close(tensor, expected[name], atol=1e-4, rtol=1e-3)

    halved = run(*sharded, "output_dir=halved", "mixed_precision=bf16", "max_train_steps=2", **variables)
    assert halved.returncode == 0, halved.stderr


def test_units_that_the_network_does_not_have_are_one_sentence(config: Path, run: Run) -> None:
    sharded = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node=1", SHARDED)
    variables = FSDP | {"FSDP_TRANSFORMER_CLS_TO_WRAP": "Llama"}
    refused = run(*sharded, f"--config={config}", "ema_decay=0", **variables)
    assert "cannot be used here: Could not find the transformer layer class Llama" in refused.stderr


def test_a_compiled_network_trains_and_is_continued_as_any_other(
    config: Path, run: Run, tmp_path: Path
) -> None:
    settings = (f"--config={config}", "max_train_steps=4", "checkpointing_steps=2")
    launch = ("-m", "accelerate.commands.launch", "--cpu", "--num_processes", "1")
    compiled = run(*launch, "--dynamo_backend", "eager", TRAIN, *settings, "output_dir=compiled")
    assert compiled.returncode == 0, compiled.stderr
    half = "resume_from_checkpoint=compiled/checkpoint-000002"
    resumed = run(TRAIN, *settings, "output_dir=rest", half)
    assert resumed.returncode == 0, resumed.stderr
    again = run(*launch, "--dynamo_backend", "eager", TRAIN, *settings, "output_dir=again", half)
    assert again.returncode == 0, again.stderr
    plain = run(TRAIN, *settings, "output_dir=plain")
    assert plain.returncode == 0, plain.stderr
    expected = learnt(tmp_path / "plain/model")
    for output in ("compiled", "rest", "again"):
        for name, tensor in learnt(tmp_path / output / "model").items():
            torch.testing.assert_close(tensor, expected[name], atol=1e-5, rtol=1e-4)


def test_killed_and_continued_ends_with_the_same_weights(config: Path, run: Run, tmp_path: Path) -> None:
    settings = (f"--config={config}", "checkpointing_steps=1", "dataloader_num_workers=1")
    whole = run(TRAIN, *settings, "output_dir=whole")
    assert whole.returncode == 0, whole.stderr
    broken = subprocess.Popen(
        [sys.executable, TRAIN, *settings, "output_dir=broken"], cwd=tmp_path, env=ENVIRONMENT,
        stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    moment = random.randint(1, STEPS - 5)
    while broken.poll() is None and not (tmp_path / f"broken/checkpoint-{moment:06d}").is_dir():
        time.sleep(0.01)
    time.sleep(random.random() * 0.1)
    os.killpg(broken.pid, signal.SIGKILL)
    broken.wait()
    assert not (tmp_path / "broken/model").exists()

    continued = run(TRAIN, *settings, "output_dir=broken")
    assert continued.returncode == 0, continued.stderr
    assert "Resumed from step" in continued.stderr
    expected = learnt(tmp_path / "whole/model")
    assert all(torch.equal(expected[name], t) for name, t in learnt(tmp_path / "broken/model").items())
    checkpoints = sorted(path.name for path in (tmp_path / "broken").glob("checkpoint*"))
    assert checkpoints == ["checkpoint-000019", "checkpoint-000020"], (
        "the newest are kept, nothing half-written"
    )


@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_signal_to_the_launcher_alone_saves_and_ends_the_run(
    config: Path, tmp_path: Path, processes: str
) -> None:
    launch = [sys.executable, "-m", "accelerate.commands.launch", "--cpu", "--num_processes", processes]
    settings = [f"--config={config}", "output_dir=out", "max_train_steps=100000", "validation_steps=3"]
    launcher = subprocess.Popen(
        [*launch, TRAIN, *settings, "checkpointing_steps=100000"], cwd=tmp_path, env=ENVIRONMENT,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    while launcher.poll() is None and not (tmp_path / "out/samples/step-000003.png").is_file():
        time.sleep(0.01)
    launcher.terminate()
    _, error = launcher.communicate(timeout=60)  # when the last of its processes has ended
    assert "the same command continues" in error
    assert len(list((tmp_path / "out").glob("checkpoint-*"))) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_saves_and_says_so(config: Path, tmp_path: Path, number: signal.Signals) -> None:
    """Whatever reaches the workers of its data as well."""
    command = [sys.executable, TRAIN, f"--config={config}", "output_dir=out", "max_train_steps=100000"]
    process = subprocess.Popen(
        [*command, "checkpointing_steps=100000", "validation_steps=3", "dataloader_num_workers=2"],
        cwd=tmp_path, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    while process.poll() is None and not (tmp_path / "out/samples/step-000003.png").is_file():
        time.sleep(0.01)
    os.killpg(process.pid, number)
    _, error = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "the same command continues" in error
    assert "Traceback" not in error
    assert len(list((tmp_path / "out").glob("checkpoint-*"))) == 1
