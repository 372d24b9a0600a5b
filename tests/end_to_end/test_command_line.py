"""``python -m fyp_core``: videos come out as asked for, and bad input costs one sentence."""

import json
import signal
import subprocess
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fyp_core.__main__ import main
from fyp_core.generation.metadata import read_settings
from fyp_core.generation.output import OutputVideo, save_video
from fyp_media.read_video import probe, read_frames
from tests.end_to_end.conftest import EXAMPLES, ROOT
from tests.tiny_formats import kohya_lora
from tests.tiny_model import build_pipeline

pytestmark = pytest.mark.slow

RAW = EXAMPLES / "raw_man_cheering.mp4"
SKELETON = EXAMPLES / "skeleton_macarena.mp4"
PROMPT = "a robot on the moon"
ONE_FRAME = ("--input", SKELETON, "--input-type", "skeleton", "--prompt", PROMPT, "--frames", "1")


@pytest.fixture
def generate(
    tiny_model_dir: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Callable[..., Any]:
    """Runs ``generate`` with the toy model in an empty folder and returns its report."""
    monkeypatch.chdir(tmp_path)

    def generate_video(*arguments: str | Path) -> dict[str, Any]:
        given = ["generate", "--model", tiny_model_dir, "--json", *arguments]
        status = main(list(map(str, given)))
        output = capfd.readouterr()
        assert status == 0, output.err
        return json.loads(output.out.splitlines()[-1])

    return generate_video


def test_raw_video_gives_a_video_and_its_skeleton(
    run: Callable[..., subprocess.CompletedProcess[str]], tiny_model_dir: Path, tmp_path: Path
) -> None:
    finished = run(
        "-m", "fyp_core", "generate", "--input", RAW, "--input-type", "raw", "--prompt", PROMPT,
        "--output", "new/out.mp4", "--skeleton-output", "skeleton.mp4", "--seed", "7",
        "--model", tiny_model_dir, "--json",
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    report = json.loads(finished.stdout.splitlines()[-1])
    assert len(list(read_frames(tmp_path / "new/out.mp4"))) == report["frames"] == 8
    assert (report["width"], report["height"]) == (32, 32)
    assert report["seed"] == 7
    assert report["prompt"] == PROMPT
    assert set(report["seconds"]) == {"load", "read", "pose", "denoise", "decode", "write"}
    skeleton = np.stack(list(read_frames(tmp_path / "skeleton.mp4")))
    assert skeleton.shape == (8, 512, 512, 3)
    lit = (skeleton.max(axis=-1) > 100).mean(axis=(1, 2))
    assert lit.min() > 0.002, "every frame shows a skeleton"
    assert lit.max() < 0.1, "on black"


def test_result_plays_at_the_speed_of_its_source(generate: Callable[..., Any], tmp_path: Path) -> None:
    arguments = ("--input", SKELETON, "--input-type", "skeleton", "--prompt", PROMPT, "--output", "out.gif")
    report = generate(*arguments, "--frames", "3", "--stride", "4")
    assert report["fps"] == pytest.approx(probe(SKELETON).fps / 4)
    assert len(list(read_frames(tmp_path / "out.gif"))) == 3


def test_same_seed_same_video(generate: Callable[..., Any], tmp_path: Path) -> None:
    arguments = ("--input", SKELETON, "--input-type", "skeleton", "--prompt", PROMPT, "--frames", "2")
    drawn = generate(*arguments, "--output", "first.mp4")["seed"]
    generate(*arguments, "--output", "second.mp4", "--seed", str(drawn))
    assert (tmp_path / "first.mp4").read_bytes() == (tmp_path / "second.mp4").read_bytes()


def test_a_video_is_repeated_from_itself(generate: Callable[..., Any], tmp_path: Path) -> None:
    first = generate(
        "--input", SKELETON, "--input-type", "skeleton", "--prompt", 'a "robot" & <knight>', "--frames", "2",
        "--output", "first.mp4", "--scheduler", "euler-a", "--steps", "3", "--guidance", "4", "--start", "2",
    )  # fmt: skip
    assert main(["generate", "--like", "first.mp4", "--output", "second.gif"]) == 0
    again = generate("--like", "first.mp4", "--output", "again.mp4")
    assert again["notices"] == first["notices"]
    assert again["model_hash"] == first["model_hash"]
    first_frames, frames = (list(read_frames(tmp_path / name)) for name in ("first.mp4", "again.mp4"))
    assert np.array_equal(first_frames, frames)
    assert read_settings("second.gif")["seed"] == first["seed"]
    other = generate("--like", "second.gif", "--output", "other.mp4", "--seed", str(first["seed"] ^ 1))
    assert other["prompt"] == first["prompt"]
    assert not np.array_equal(list(read_frames(tmp_path / "other.mp4")), frames)


def test_another_preset_brings_its_own_scheduler_and_steps(generate: Callable[..., Any]) -> None:
    generate(*ONE_FRAME, "--output", "first.mp4")
    fast = generate("--like", "first.mp4", "--preset", "fast", "--output", "fast.mp4")
    assert (fast["scheduler"], fast["steps"], fast["notices"]) == ("dpmpp-2m", 1, [])
    both = generate("--like", "first.mp4", "--preset", "fast", "--steps", "3", "--output", "both.mp4")
    assert (both["scheduler"], both["steps"]) == ("dpmpp-2m", 3)


def test_a_lora_given_takes_the_place_of_one_that_is_gone(
    generate: Callable[..., Any], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    old, new = (kohya_lora(build_pipeline(), tmp_path / f"{name}.safetensors") for name in ("old", "new"))
    generate(*ONE_FRAME, "--lora", old, "--output", "first.mp4")
    old.unlink()
    report = generate("--like", "first.mp4", "--lora", new, "--output", "second.mp4")
    assert report["loras"] == [f"{new}:1"]
    assert main(["generate", "--like", "first.mp4", "--output", "third.mp4"]) == 2
    assert f"no LoRA file {old}" in capfd.readouterr().err


@pytest.mark.parametrize(
    "places",
    [
        ["--input", "in.mp4", "--output", "in.mp4"],
        ["--input", "in.mp4", "--output", "../here/in.mp4"],
        ["--input", "in.mp4", "--output", "out.mp4", "--skeleton-output", "in.mp4"],
        ["--input", "in.mp4", "--output", "out.mp4", "--skeleton-output", "out.mp4"],
        ["--like", "liked.mp4", "--output", "liked.mp4"],
        ["--like", "liked.mp4", "--output", "in.mp4"],
    ],
)
def test_what_a_video_is_made_from_is_never_replaced(
    places: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    Path("in.mp4").write_bytes(SKELETON.read_bytes())
    frames = np.zeros((1, 32, 32, 3), np.uint8)
    save_video("liked.mp4", frames, 8, {"input": "in.mp4", "prompt": PROMPT, "input_type": "skeleton"})
    before = {path: path.read_bytes() for path in Path().iterdir()}
    assert main(["generate", "--prompt", PROMPT, *places]) == 2
    assert "would overwrite its own source or another result" in capfd.readouterr().err
    assert {path: path.read_bytes() for path in Path().iterdir()} == before


def test_a_changed_input_is_reported(generate: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "in.mp4").write_bytes(SKELETON.read_bytes())
    skeleton = ("--input-type", "skeleton", "--frames", "1", "--prompt", PROMPT)
    generate("--input", "in.mp4", *skeleton, "--output", "out.mp4")
    (tmp_path / "in.mp4").write_bytes((EXAMPLES / "skeleton_disco.mp4").read_bytes())
    assert any(
        "input_hash" in notice for notice in generate("--like", "out.mp4", "--output", "2.mp4")["notices"]
    )


def test_report_names_words_the_model_does_not_know(generate: Callable[..., Any]) -> None:
    report = generate(
        "--input", SKELETON, "--input-type", "skeleton", "--prompt", "a zeppelin on the moon",
        "--output", "out.mp4", "--frames", "1",
    )  # fmt: skip
    assert any("zeppelin" in notice for notice in report["notices"])


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("--input", "missing.mp4", "missing.mp4"),
        ("--input", "text.mp4", "not a video"),
        ("--input", "nobody.mp4", "person"),
        ("--frames", "100", "100"),
        ("--frames", "0", "at least 1"),
        ("--stride", "0", "must be within 1"),
        ("--prompt", " ", "prompt is empty"),
        ("--crop", "300,300,0,0", "crop"),
        ("--crop", "1,2", "left,right,top,bottom"),
        ("--output", "out.txt", ".mp4"),
        ("--output", "text.mp4/out.mp4", "Cannot write"),
        ("--steps", "0", "steps"),
        ("--seed", "-1", "seed"),
        ("--model", "nowhere", "no model nowhere"),
        ("--like", "nobody.mp4", "does not say how it was made"),
        ("--eta", "2", "eta is 2, but must be within 0 and 1"),
        ("--base", "nowhere.ckpt", "nowhere.ckpt"),
        ("--lora", "nowhere.safetensors:0.5", "LoRA file nowhere.safetensors"),
        ("--lora", "text.mp4:inf", "must be a finite number"),
        ("--lora", "text.mp4", "text.mp4 is no LoRA for this model"),
        ("--width", "100", "multiples of 8"),
        ("--height", "0", "multiples of 8"),
        ("--embedding", "nowhere.pt", "nowhere.pt"),
        ("--dtype", "fp16", "no fast fp16"),
        ("--estimator", "mmpose", "invalid choice"),
        ("--attention", "xformers", "xformers"),
    ],
)
def test_bad_input_costs_one_sentence_and_leaves_nothing(
    option: str,
    value: str,
    sentence: str,
    make_video: Callable[..., Path],
    tiny_model_dir: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.mp4").write_text("This is no video.")
    (tmp_path / "nobody.mp4").write_bytes(make_video().read_bytes())
    before = sorted(tmp_path.rglob("*"))
    arguments = {
        "--input": str(RAW),
        "--input-type": "raw",
        "--prompt": PROMPT,
        "--output": "out.mp4",
        "--model": str(tiny_model_dir),
    }
    assert _exit_status("generate", *chain.from_iterable((arguments | {option: value}).items())) == 2
    output = capfd.readouterr()
    assert output.out == ""
    assert sentence in output.err
    assert len(output.err.splitlines()) == 1, output.err
    assert sorted(tmp_path.rglob("*")) == before


def _exit_status(*arguments: str) -> int:
    try:
        return main(arguments)
    except SystemExit as stop:
        return stop.code


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_video_that_is_given_up_leaves_what_was_there(
    stop: signal.Signals, tiny_model_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = OutputVideo.write

    def write_and_stop(video: OutputVideo, frame: np.ndarray) -> None:
        write(video, frame)
        signal.raise_signal(stop)

    monkeypatch.setattr(OutputVideo, "write", write_and_stop)
    output = tmp_path / "out.mp4"
    output.write_text("An earlier video.")
    given = ("generate", *ONE_FRAME, "--model", tiny_model_dir, "--output", output)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in a background job
    try:
        assert _exit_status(*map(str, given)) == 130
    finally:
        signal.signal(signal.SIGINT, before)
    assert output.read_text() == "An earlier video."
    assert list(tmp_path.iterdir()) == [output]


def test_a_command_that_is_killed_leaves_what_was_there(
    run: Callable[..., subprocess.CompletedProcess[str]], tiny_model_dir: Path, tmp_path: Path
) -> None:
    program = (
        "import os, signal; from fyp_core.__main__ import main; from fyp_core.generation.output import OutputVideo;"
        "OutputVideo.write = lambda *_: os.kill(os.getpid(), signal.SIGKILL); main()"
    )
    output = tmp_path / "out.mp4"
    output.write_text("An earlier video.")
    given = ("generate", *ONE_FRAME, "--model", tiny_model_dir, "--output", output)
    assert run("-c", program, *given).returncode == -signal.SIGKILL
    assert output.read_text() == "An earlier video."


def test_models_are_listed(run: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path) -> None:
    finished = run("-m", "fyp_core", "models", FYP_CHECKPOINTS=str(tmp_path), HF_HOME=str(tmp_path))
    assert finished.returncode == 0
    assert "followyourpose-v1" in finished.stdout
    assert "missing: stable-diffusion-v1-4" in finished.stdout


_LOADS_WITHOUT_END = """
import sys
from fyp_core.__main__ import main
from fyp_core.generation.engine import Engine

def load(engine):
    import torch
    while True:
        torch.ones(400, 400) @ torch.ones(400, 400)

Engine.load = load
sys.exit(main())
"""


def test_a_refusal_while_the_model_is_being_loaded_is_one_sentence(
    run: Callable[..., subprocess.CompletedProcess[str]],
    make_video: Callable[..., Path],
    tiny_model_dir: Path,
    tmp_path: Path,
) -> None:
    program = tmp_path / "program.py"
    program.write_text(_LOADS_WITHOUT_END)
    finished = run(
        program, "generate", "--input", make_video(size=(256, 192)), "--input-type", "raw", "--prompt", PROMPT,
        "--model", tiny_model_dir, "--output", "out.mp4", PYTHONPATH=str(ROOT), FYP_POSE_CACHE="",
    )  # fmt: skip
    assert finished.returncode == 2, finished.stderr
    assert "A person is seen in 0 of 8 frames" in finished.stderr.splitlines()[-1]
