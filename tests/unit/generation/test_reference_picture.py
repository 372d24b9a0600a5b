"""A reference picture guides every frame alike, for its request only; what cannot work is one sentence."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from fyp_core.__main__ import main
from fyp_core.generation.device import Runtime
from fyp_core.generation.engine import Engine
from fyp_core.generation.request import GenerationRequest
from fyp_core.pipeline import FollowYourPosePipeline
from fyp_core.unet import ClipCrossAttention
from fyp_media.errors import InputError
from tests.tiny_formats import ip_adapter, kohya_lora
from tests.tiny_model import build_pipeline

FRAMES = 3


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> FollowYourPosePipeline:
    """With text features as wide as those of Stable Diffusion 1.x."""
    return build_pipeline(text_width=768)


@pytest.fixture(scope="module")
def folder(model: FollowYourPosePipeline, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model, IP-Adapters and a picture."""
    folder = tmp_path_factory.mktemp("reference")
    model.save_pretrained(folder / "model")
    ip_adapter(model, folder)
    ip_adapter(model, folder, plus=True)
    save_picture(folder / "hero.png", 0)
    return folder


@pytest.fixture(scope="module")
def engine(folder: Path) -> Engine:
    return Engine(str(folder / "model"), runtime=Runtime(device="cpu", dtype="fp32"))


@pytest.fixture(scope="module")
def plain(make_video: Callable[..., Path]) -> GenerationRequest:
    """Without a picture."""
    return GenerationRequest(
        input=make_video(), prompt="a robot jumps", input_type="skeleton", frames=FRAMES, seed=1, steps=3
    )


@pytest.fixture(scope="module")
def hero(plain: GenerationRequest, folder: Path) -> GenerationRequest:
    return with_picture(plain, folder / "hero.png", folder / "ip-adapter_sd15.safetensors")


@pytest.fixture(scope="module")
def expected(engine: Engine, plain: GenerationRequest) -> np.ndarray:
    """Without a picture."""
    return engine.generate(plain).frames


def save_picture(path: Path, seed: int) -> Path:
    pixels = np.random.default_rng(seed).integers(0, 256, (4, 3, 3), np.uint8)
    Image.fromarray(pixels).resize((48, 64), Image.Resampling.NEAREST).save(path)
    return path


def with_picture(request: GenerationRequest, picture: Path, adapter: Path | str) -> GenerationRequest:
    return request.changed(reference_picture=picture, ip_adapter=str(adapter), reference_strength=1)


@pytest.mark.slow
def test_the_picture_guides_as_strongly_as_asked_and_for_its_request_only(
    engine: Engine, plain: GenerationRequest, hero: GenerationRequest, expected: np.ndarray, folder: Path
) -> None:
    full = engine.generate(hero).frames
    half = engine.generate(hero.changed(reference_strength=0.5)).frames
    other_picture = engine.generate(
        hero.changed(reference_picture=save_picture(folder / "other.jpg", 1))
    ).frames
    assert not any(map(np.array_equal, (full, half, other_picture), (half, other_picture, full)))
    distances = [np.abs(frames.astype(int) - expected).mean() for frames in (half, full)]
    assert 0 < distances[0] < distances[1]
    assert np.array_equal(engine.generate(hero.changed(reference_strength=0)).frames, expected)
    assert np.array_equal(engine.generate(hero).frames, full)
    assert np.array_equal(engine.generate(plain).frames, expected)


def test_the_variant_with_a_resampler_and_pickled_files(
    engine: Engine, hero: GenerationRequest, expected: np.ndarray, folder: Path
) -> None:
    file = folder / "ip-adapter-plus_sd15.safetensors"
    plus = engine.generate(with_picture(hero, folder / "hero.png", file)).frames
    assert not np.array_equal(plus, expected)
    state: dict[str, dict[str, torch.Tensor]] = {"image_proj": {}, "ip_adapter": {}}
    for name, tensor in load_file(file).items():
        part, _, inner = name.partition(".")
        state[part][inner] = tensor
    torch.save(state, folder / "plus.bin")
    pickled = engine.generate(with_picture(hero, folder / "hero.png", folder / "plus.bin"))
    assert np.array_equal(pickled.frames, plus)
    assert pickled.settings()["ip_adapter"] == "plus.bin"


@pytest.mark.parametrize(
    "changes",
    [
        {"guidance": 1.0},
        {"guidance_end": 0.4},
        {"preset": "fast", "reuse": 2},
        {"frames": 30, "stride": 1, "steps": 1},
        {"prompt": "0: a robot | 2: a knight"},
    ],
    ids=["unguided", "end of guidance", "feature reuse", "windows", "prompt travel"],
)
def test_every_frame_receives_the_same_tokens(
    engine: Engine, hero: GenerationRequest, changes: dict[str, Any]
) -> None:
    engine.load()
    layers = [layer for layer in engine.pipeline.unet.modules() if isinstance(layer, ClipCrossAttention)]
    received: list[torch.Tensor] = []

    def record(_layer: Any, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> None:
        given = keywords.get("encoder_hidden_states", arguments[-1])
        _, (tokens,) = given  # (entries, pictures, tokens, width)
        received.extend(tokens.flatten(1))

    hooks = [layer.register_forward_pre_hook(record, with_kwargs=True) for layer in layers]
    try:
        result = engine.generate(hero.changed(**changes))
    finally:
        for hook in hooks:
            hook.remove()
    assert np.ptp(result.frames) > 0
    kinds: list[torch.Tensor] = []
    for tokens in received:
        if not any(torch.allclose(tokens, kind, atol=1e-4) for kind in kinds):
            kinds.append(tokens)
    is_guided = result.request.guidance is not None and result.request.guidance > 1
    assert len(kinds) == (2 if is_guided else 1), "one for the picture, one for the unconditional half"


@pytest.mark.slow
def test_a_lora_and_a_picture_work_together(
    engine: Engine, model: FollowYourPosePipeline, hero: GenerationRequest, expected: np.ndarray, folder: Path
) -> None:
    lora = kohya_lora(model, folder / "style.safetensors")
    with_lora = hero.changed(loras=(str(lora),))
    both = engine.generate(with_lora).frames
    without = engine.generate(with_lora.changed(reference_picture=None, ip_adapter=None)).frames
    alone = engine.generate(hero).frames
    assert len({frames.tobytes() for frames in (both, without, alone, expected)}) == 4
    assert np.array_equal(engine.generate(with_lora).frames, both)


def test_the_settings_tell_the_picture_and_the_adapter(
    engine: Engine, hero: GenerationRequest, plain: GenerationRequest, folder: Path
) -> None:
    result = engine.generate(hero)
    settings = result.settings()
    assert settings["reference_picture"] == "hero.png"
    assert settings["ip_adapter"] == "ip-adapter_sd15.safetensors"
    assert settings["reference_strength"] == 1
    assert result.settings(with_paths=True)["reference_picture"] == str(folder / "hero.png")
    other = engine.generate(hero.changed(reference_picture=save_picture(folder / "second.png", 2))).settings()
    changed = {name for name in settings if settings[name] != other[name]}
    assert changed == {"reference_picture", "reference_hash"}
    assert engine.generate(plain).settings()["reference_hash"] is None


def test_a_video_with_a_picture_is_repeated_from_itself(
    hero: GenerationRequest, folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    arguments = [
        "generate", "--json", "--model", str(folder / "model"), "--device", "cpu", "--input", str(hero.input),
        "--input-type", "skeleton", "--prompt", "a robot", "--frames", "1", "--steps", "1", "--reference-strength", "1",
        "--reference-picture", str(folder / "hero.png"), "--ip-adapter", str(hero.ip_adapter),
    ]  # fmt: skip
    assert main([*arguments, "--output", str(tmp_path / "first.mp4")]) == 0
    again = [
        "generate",
        "--json",
        "--like",
        str(tmp_path / "first.mp4"),
        "--output",
        str(tmp_path / "again.mp4"),
    ]
    assert main(again) == 0
    printed = capfd.readouterr()
    assert "float32" not in printed.err, "a warning of diffusers that says nothing to the user"
    first, report = map(json.loads, printed.out.splitlines())
    assert report["notices"] == first["notices"]
    assert report["reference_hash"] == first["reference_hash"] is not None
    assert main([*arguments[:-2], "--ip-adapter", "hat", "--output", str(tmp_path / "no.mp4")]) == 2
    assert "give one of character, face, style, or a file" in capfd.readouterr().err


def test_kinds_are_found_in_the_checkpoints_folder(
    engine: Engine, hero: GenerationRequest, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("FYP_CHECKPOINTS", str(tmp_path))
    models = tmp_path / "ip-adapter/models"
    models.mkdir(parents=True)
    kind = hero.changed(ip_adapter="style")
    with pytest.raises(
        InputError, match=r"ip-adapter_sd15\.safetensors of h94/IP-Adapter is neither on this disk"
    ):
        engine.generate(kind)
    shutil.copy(folder / "ip-adapter_sd15.safetensors", models)
    with pytest.raises(InputError, match="image_encoder of h94/IP-Adapter is neither on this disk"):
        engine.generate(kind)
    shutil.copytree(folder / "image_encoder", models / "image_encoder")
    found = engine.generate(kind)
    assert np.array_equal(found.frames, engine.generate(hero).frames)
    assert found.settings()["ip_adapter"] == "style"


def test_what_does_not_fit_is_one_sentence_and_is_not_applied(
    engine: Engine,
    plain: GenerationRequest,
    hero: GenerationRequest,
    expected: np.ndarray,
    folder: Path,
    tmp_path: Path,
) -> None:
    good = load_file(folder / "ip-adapter_sd15.safetensors")
    shutil.copytree(folder / "image_encoder", tmp_path / "image_encoder")
    adapters = {
        "its layers are of another number or width": {k: v for k, v in good.items() if ".5." not in k},
        "it was made for SDXL": {
            name: torch.zeros(len(tensor), 2048) if name.endswith("_ip.weight") else tensor
            for name, tensor in good.items()
        },
        "it is an embedding for Stable Diffusion 1.x, which is for --embedding": {
            "emb_params": torch.zeros(1, 768)
        },
        "FaceID kind": good | {"ip_adapter.0.to_k_lora.down.weight": torch.zeros(2, 2)},
        "features have 6 values, but the IP-Adapter reads 5": good
        | {"image_proj.proj.weight": torch.zeros(3072, 5)},
        "of an unknown form": {k: v[:5] if k == "image_proj.norm.weight" else v for k, v in good.items()},
        "read the picture are of an unknown form": {
            k: v for k, v in good.items() if k != "image_proj.proj.bias"
        },
    }
    for sentence, state in adapters.items():
        save_file({name: tensor.clone() for name, tensor in state.items()}, tmp_path / "bad.safetensors")
        with pytest.raises(InputError, match=sentence):
            engine.generate(hero.changed(ip_adapter=str(tmp_path / "bad.safetensors")))
    assert np.array_equal(engine.generate(plain).frames, expected)

    (tmp_path / "text.png").write_text("This is no picture.")
    with pytest.raises(InputError, match=r"text\.png cannot be read; give a JPEG, PNG or WebP"):
        engine.generate(hero.changed(reference_picture=tmp_path / "text.png"))
    for changes, sentence in (
        ({"reference_picture": tmp_path / "none.png"}, "no reference picture"),
        ({"reference_picture": None}, "give one with --reference-picture"),
        ({"ip_adapter": "none.bin"}, "no IP-Adapter none.bin; give one of character, face, style, or a file"),
    ):
        with pytest.raises(InputError, match=sentence):
            hero.changed(**changes).check()
    with pytest.raises(InputError, match=r"reference_strength is 1\.5, but must be within 0 and 1"):
        hero.changed(reference_strength=1.5)


def test_a_small_model_takes_no_picture(tiny_model_dir: Path, hero: GenerationRequest) -> None:
    engine = Engine(str(tiny_model_dir), runtime=Runtime(device="cpu"))
    with pytest.raises(InputError, match=r"tiny takes no reference picture; models of Stable Diffusion 1\.x"):
        engine.generate(hero)
