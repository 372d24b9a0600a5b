"""What the page says of an upload, the requests it makes of its controls, and the weights it keeps for LoRAs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import gradio as gr
import pytest

from fyp_core.generation.engine import Engine
from fyp_core.generation.metadata import add_settings
from fyp_core.generation.request import GenerationRequest
from fyp_core.generation.result_size import ModelSize
from fyp_core.generation.running.model_facts import ModelFacts
from fyp_core.weights.sources import Additions
from fyp_media.errors import InputError
from fyp_page.gallery import Gallery
from fyp_page.handlers.api import api_request
from fyp_page.handlers.motion import describe
from fyp_page.handlers.page import Page, fit_weights, known_browser, settings_of_upload
from fyp_page.handlers.prompts import suggestions
from fyp_page.handlers.requests import CROPS, SAME, controls_for, make_requests, pose_request
from fyp_page.runs import Result

MOST_LORAS = 4


def controls(**changes: Any) -> dict[str, Any]:
    """What the page's controls say at first."""
    untouched = dict.fromkeys((*SAME, *CROPS, "video", "prompt", "loras"))
    first = {
        "input_type": "raw",
        "preset": "exact",
        "scheduler": "auto",
        "estimator": "auto",
        "follow": False,
    }
    switches = {"follow": False, "mirror": False, "sound": True}
    return untouched | first | switches | {"start_seconds": 0, "end_seconds": 1.6, "rate": 4.8} | changes


@pytest.mark.parametrize(
    ("start", "end", "rate", "sentence"),
    [
        (0, 1.6, 5, "Used: 8 frames, 1.6 s at 5 a second."),
        (1, 6, 12, "Used: 8 frames, 0.7 s at 12 a second."),
        (0, 0.01, 24, "Used: 1 frame, 0.0 s at 24 a second."),
    ],
)
def test_what_is_used_of_a_video(
    start: float, end: float, rate: float, sentence: str, make_video: Callable[..., Path]
) -> None:
    said = describe(str(make_video(frames=40)), start, end, rate)
    assert said == f"1.7 s, 64×48, 24 frames a second. {sentence}"


def test_a_part_that_cannot_be_used_is_explained(make_video: Callable[..., Path], tmp_path: Path) -> None:
    video = str(make_video(frames=600))
    assert describe(video, 29, 30, 5) == "⚠ The video lasts 25.0 s; start earlier."
    assert "at most 512 are possible here; take 21.3 s" in describe(video, 0, 25, 24)
    assert describe(video, 0, None, 5) == ""  # while a number is typed
    (tmp_path / "text.mp4").write_text("This is no video.")
    assert describe(str(tmp_path / "text.mp4"), 0, 1, 5).startswith("⚠ text.mp4 is not a video")
    assert describe(None, 0, 1, 5) == ""


def test_each_line_of_the_prompt_makes_a_request(make_video: Callable[..., Path]) -> None:
    video = str(make_video(frames=40))
    made = make_requests(
        controls(video=video, prompt="a robot\n\n a knight ", steps=3, pose_strength=0.5, crop_left=8)
    )
    assert [request.prompt for request in made] == ["a robot", "a knight"]
    assert {(r.frames, r.stride, r.start, r.steps, r.crop) for r in made} == {(8, 5, 0, 3, (8, 0, 0, 0))}
    assert {r.pose_strength for r in made} == {0.5}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"video": None}, "There is no input video"),
        ({"prompt": " \n"}, "The prompt is empty"),
        ({"prompt": "a caf\udce9"}, "no UTF-8 text"),
        ({"end_seconds": None}, "The end is empty; give a number"),
        ({"start_seconds": 1.2, "end_seconds": 1}, "The end, 1 s, must be after the start, 1.2 s"),
        ({"prompt": "\n".join("abcdefghi")}, "There are 9 prompts, one a line; take at most 8"),
        ({"steps": 0}, "steps"),
    ],
)
def test_what_cannot_work_costs_one_sentence(
    changes: dict[str, Any], sentence: str, make_video: Callable[..., Path]
) -> None:
    values = controls(video=str(make_video(frames=40)), prompt="a robot") | changes
    with pytest.raises(InputError, match=sentence):
        make_requests(values)
    with pytest.raises(gr.Error, match=sentence):
        Page(None, "", None).begin(None, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize("body", ["/etc", "/uploads/another.json", "a=1," * 5000])
def test_a_body_is_named_in_words_and_not_by_files_of_the_server(
    body: str, make_video: Callable[..., Path]
) -> None:
    video = str(make_video(frames=40))
    with pytest.raises(InputError, match="factors such as legs"):
        make_requests(controls(video=video, prompt="a robot", retarget=body))
    arguments = dict.fromkeys((*SAME, *CROPS, "loras", "lora_weights", "embeddings", "base"))
    with pytest.raises(InputError, match="factors such as legs"):
        api_request(arguments | {"video": video, "prompt": "a robot", "retarget": body})


@pytest.mark.parametrize("sent", ["x", 7, [1], {"owner": 5, "run": [1]}, {"owner": "o" * 1000}, {"run": "r"}])
def test_a_browser_that_remembers_nothing_of_ours_is_a_new_one(sent: Any, tmp_path: Path) -> None:
    page = Page(DistantEngine("mini"), str(tmp_path), Gallery(tmp_path / "gallery"))
    remembered = known_browser(sent)
    assert (len(remembered["owner"]), remembered["run"]) == (32, "")
    assert known_browser(remembered | {"ended": "r", "else": "x"}) == remembered | {"ended": "r"}
    page.stop(sent)
    assert not page.delete_all(sent).visible


@pytest.mark.parametrize(
    "settings",
    [{}, {"prompt": [5]}, {"frames": "many"}, {"crop": 7}, {"fps": [1]}, {"fps": {}, "frames": -1}],
)
def test_settings_that_somebody_wrote_into_a_video_cost_one_sentence(
    settings: dict[str, Any], make_video: Callable[..., Path], tmp_path: Path
) -> None:
    video = tmp_path / "video.mp4"
    video.write_bytes(make_video(frames=8).read_bytes())
    add_settings(video, {"prompt": "a robot", "frames": 8, "stride": 5.0, **settings})
    if not settings:
        assert settings_of_upload(str(video))["prompt"] == "a robot"
        return
    with pytest.raises(gr.Error):
        settings_of_upload(str(video))


@pytest.mark.parametrize(
    "settings", ["[" * 200_000, '{"prompt": "' + "a" * 10**6 + '"}'], ids=["deep", "long"]
)
def test_settings_that_would_take_too_much_memory_are_none(tmp_path: Path, settings: str) -> None:
    video = tmp_path / "v.mp4"
    video.write_text(f"<?xpacket begin=<fyp:Settings>{settings}</fyp:Settings><?xpacket end=")
    with pytest.raises(gr.Error, match="does not say how it was made"):
        settings_of_upload(str(video))


def test_a_base_of_the_checkpoints_folder_is_named_by_its_file(
    make_video: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "toon" / "unet").mkdir(parents=True)
    (tmp_path / "toon" / "unet" / "diffusion_pytorch_model.safetensors").touch()
    (tmp_path / "ink.safetensors").touch()  # a LoRA, far too small
    monkeypatch.setenv("FYP_CHECKPOINTS", str(tmp_path))
    values = controls(video=str(make_video(frames=40)), prompt="a robot")
    assert make_requests(values)[0].additions is None
    (request,) = make_requests(values | {"base": "toon", "embeddings": ["/uploads/hero.pt"]})
    assert request.additions == Additions(base=str(tmp_path / "toon"), embeddings=("/uploads/hero.pt",))
    with pytest.raises(InputError, match=r"no base model '../secret' here; choose one of toon"):
        make_requests(values | {"base": "../secret"})
    settings = {"frames": 8, "fps": 5, "base": "toon"}
    assert controls_for(settings)["base"] == "toon"
    assert controls_for(settings | {"base": "gone.ckpt"})["base"] is None


def test_settings_of_a_video_come_back_into_the_controls(make_video: Callable[..., Path]) -> None:
    asked = controls(
        video=str(make_video(frames=40)), prompt="a robot", start_seconds=0.5, end_seconds=1.5, rate=8, seed=4
    )
    request = make_requests(asked)[0]
    settings = {
        name: getattr(request, name) for name in (*SAME, "prompt", "frames", "stride", "start", "crop")
    }
    again = make_requests(asked | controls_for({**settings, "fps": 8}))[0]
    assert again == request


def test_a_lora_keeps_its_weight_when_others_come_and_go() -> None:
    names, *sliders = fit_weights(["/a/ink.safetensors", "/b/noir.safetensors"], [], 1, 1, 1, 1)
    assert names == ["ink", "noir"]
    assert [(slider.visible, slider.value) for slider in sliders] == [(True, 1)] * 2 + [(False, 1)] * 2
    names, *sliders = fit_weights(["/b/noir.safetensors", "/c/new.safetensors"], names, 0.5, 0.8, 1, 1)
    assert [(slider.label, slider.value) for slider in sliders[:2]] == [
        ("Weight of noir", 0.8),
        ("Weight of new", 1),
    ]
    names, *sliders = fit_weights(None, names, 0.8, 1, 1, 1)
    assert (names, len(sliders), any(slider.visible for slider in sliders)) == ([], MOST_LORAS, False)


def test_a_page_needs_no_model_in_its_process(make_video: Callable[..., Path], tmp_path: Path) -> None:
    page = Page(DistantEngine("mini"), str(tmp_path), Gallery(tmp_path / "gallery"))
    text, additions, _, generate = page.wait_for_model()
    assert "distant" in text
    assert (additions.visible, generate.interactive) == (False, True)
    assert suggestions(page.engine) == ["a robot in Antarctica"]
    values = controls(video=str(make_video(frames=40)), prompt="a robot\na knight", input_type="skeleton")
    assert page.estimate(None, **values) == "Takes about 24\u00a0s for 2 videos."
    assert page.estimate(None, **values | {"end_seconds": 0}) == ""


def test_a_new_seed_repeats_the_result_that_is_shown(make_video: Callable[..., Path], tmp_path: Path) -> None:
    page = Page(DistantEngine("mini"), str(tmp_path), Gallery(tmp_path / "gallery"))
    settings = {
        "prompt": "a knight",
        "steps": 7,
        "seed": 3,
        "frames": 2,
        "fps": 5,
        "people": "2",
        "input_type": "raw",
    }
    values = controls(
        video=str(make_video(frames=40)), prompt="a robot", seed=4, input_type="skeleton", people="all"
    )
    browser = page.begin_with_new_seed(None, result=Result({}, "a knight", settings), **values)
    run = page.runs.get(browser["run"])
    assert run is not None
    (request,) = run.requests
    assert (request.prompt, request.steps, request.seed) == ("a knight", 7, None)
    assert (request.frames, request.people, request.input_type) == (8, "all", "skeleton")


class DistantEngine(Engine):
    """An engine whose model is in another process; it is not to be loaded into this one."""

    def facts(self) -> ModelFacts:
        return ModelFacts("distant", "", ModelSize(), steps=50, guidance=7.5, text_width=16)

    def unknown_words(self, prompt: str) -> list[str]:
        return [] if prompt == "a robot in Antarctica" else ["words"]

    def estimate(self, request: GenerationRequest, frames: int | None = None) -> float:
        return 12.0

    def load(self) -> NoReturn:
        raise AssertionError("The model is loaded into the page's process.")

    @property
    def pipeline(self) -> NoReturn:
        raise AssertionError("The model is loaded into the page's process.")


def test_a_reference_picture_is_taken_with_one_of_the_known_kinds_or_an_upload(
    make_video: Callable[..., Path], tmp_path: Path
) -> None:
    hero, own = tmp_path / "hero.png", tmp_path / "own.safetensors"
    hero.touch()
    own.touch()
    values = controls(
        video=str(make_video(frames=40)), prompt="a robot", ip_adapter="face", reference_strength=0.4
    )
    (without,) = make_requests(values)
    assert (without.reference_picture, without.ip_adapter) == (None, None)
    values["reference_picture"] = str(hero)
    (request,) = make_requests(values)
    assert (request.reference_picture, request.ip_adapter, request.reference_strength) == (hero, "face", 0.4)
    assert make_requests(values | {"ip_adapter_file": str(own)})[0].ip_adapter == str(own)
    with pytest.raises(
        InputError, match="no IP-Adapter '/etc/passwd' here; choose one of character, face, style"
    ):
        make_requests(values | {"ip_adapter": "/etc/passwd"})
    assert pose_request(values) == pose_request(values | {"reference_picture": None})
    settings = {"frames": 8, "fps": 5, "ip_adapter": "style", "reference_strength": 0.4}
    assert {name: controls_for(settings)[name] for name in ("ip_adapter", "reference_strength")} == {
        "ip_adapter": "style",
        "reference_strength": 0.4,
    }
