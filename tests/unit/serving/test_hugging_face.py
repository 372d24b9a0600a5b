"""What a Space of Hugging Face finds here: the settings in README.md, and an engine for GPUs that are lent."""

import pickle
import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import numpy as np
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from fyp_core.generation.device import Runtime
from fyp_core.generation.engine import Engine
from fyp_core.generation.job import Job, JobCancelled, Preview, Progress
from fyp_core.generation.request import GenerationRequest
from fyp_media.errors import InputError
from fyp_serving.engines.choice import make_engine
from fyp_serving.engines.zero_gpu import DEFAULT_SECONDS, ZeroGpuEngine
from fyp_serving.limits import Limits
from tests.end_to_end.conftest import ROOT

COLORS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}


class Spaces:
    """In place of the package ``spaces``: what is sent is pickled, as between two processes."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.error: Exception | None = None

    def GPU(self, *, duration: Callable[..., int]) -> Callable[..., Any]:  # noqa: N802 - the package's name
        def decorate(task: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
            def run(*arguments: Any) -> Iterator[Any]:
                self.asked.append(duration(*arguments))
                if self.error:
                    raise self.error
                for event in task(*pickle.loads(pickle.dumps(arguments))):
                    yield pickle.loads(pickle.dumps(event))

            return run

        return decorate


@pytest.fixture(scope="module")
def spaces() -> Spaces:
    return Spaces()


@pytest.fixture(scope="module")
def engine(spaces: Spaces, tiny_model_dir: Path) -> ZeroGpuEngine:
    return ZeroGpuEngine(spaces, str(tiny_model_dir), Runtime(device="cpu"))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def request_(make_video: Callable[..., Path]) -> GenerationRequest:
    return GenerationRequest(
        input=make_video(), prompt="a robot", input_type="skeleton", frames=3, steps=3, seed=1
    )


def test_a_lent_gpu_makes_the_same_video_and_is_asked_for_as_long_as_it_takes(
    engine: ZeroGpuEngine, spaces: Spaces, request_: GenerationRequest, tiny_model_dir: Path
) -> None:
    seen: list[Any] = []
    made = engine.generate(request_, Job(seen.append, on_preview=seen.append))
    expected = Engine(str(tiny_model_dir), runtime=Runtime(device="cpu")).generate(request_)
    assert np.array_equal(made.frames, expected.frames)
    assert {each.phase for each in seen if isinstance(each, Progress)} == {"denoise", "decode"}
    assert any(isinstance(each, Preview) for each in seen)
    engine.generate(request_)
    assert spaces.asked[0] == DEFAULT_SECONDS, "nothing has been measured"
    assert 0 < spaces.asked[1] < DEFAULT_SECONDS


def test_jobs_end_with_a_sentence(engine: ZeroGpuEngine, spaces: Spaces, request_: GenerationRequest) -> None:
    with pytest.raises(InputError, match="at most 50 steps"):
        engine.generate(request_.changed(steps=51, scheduler="lcm"))
    job = Job(lambda progress: progress.step == 2 and job.cancel())
    with pytest.raises(JobCancelled):
        engine.generate(request_.changed(steps=900), job)
    spaces.error = gr.Error("You have exceeded your GPU quota.")
    with pytest.raises(InputError, match="exceeded your GPU quota"):
        engine.generate(request_)
    spaces.error = None
    assert len(engine.generate(request_).frames) == 3


def test_it_is_chosen_where_gpus_are_lent(
    tiny_model_dir: Path, spaces: Spaces, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = {"SPACES_ZERO_GPU": "true"}
    monkeypatch.setitem(sys.modules, "spaces", SimpleNamespace(GPU=spaces.GPU))
    assert isinstance(make_engine(str(tiny_model_dir), Limits(), environment), ZeroGpuEngine)
    assert type(make_engine(str(tiny_model_dir), Limits(), {})) is Engine, "the package alone says nothing"
    monkeypatch.setitem(sys.modules, "spaces", None)
    with pytest.raises(InputError, match="needs the package spaces"):
        make_engine(str(tiny_model_dir), Limits(), environment)


def test_a_space_is_public() -> None:
    assert Limits.from_environment({"SPACE_ID": "a/b"}) == Limits.from_environment({"FYP_PUBLIC": "1"})
    assert Limits.from_environment({"SPACE_ID": "a/b", "FYP_PUBLIC": "0"}) == Limits()


def test_the_settings_of_a_space_fit_the_project() -> None:
    """https://huggingface.co/docs/hub/spaces-config-reference"""
    _, front, _ = (ROOT / "README.md").read_text().split("---\n", 2)
    settings = yaml.safe_load(front)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    gradio = Requirement(next(line for line in lines if re.match(r"gradio\b", line)))
    assert settings["sdk"] == "gradio"
    assert settings["sdk_version"] in gradio.specifier
    assert f"{settings['python_version']}.0" in SpecifierSet(project["requires-python"])
    assert (ROOT / settings["app_file"]).is_file()
    assert {settings["colorFrom"], settings["colorTo"]} <= COLORS
    assert len(settings["short_description"]) <= 60
