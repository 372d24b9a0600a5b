"""The same model from every format gives the same video; what is on top of it acts; what does not belong is named."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL
from safetensors.torch import load_file, save_file

from fyp_core.__main__ import main
from fyp_core.evaluation.scoring.judges import CLASSIFIER_FILE, POSE_FILE
from fyp_core.pipeline import FollowYourPosePipeline
from fyp_core.unet import PoseVideoUNet, stage2_parameter_names
from fyp_core.weights.checkpoints import bundled, list_models
from fyp_core.weights.hashes import model_hash, model_revisions
from fyp_core.weights.lora.loading import Lora, set_loras
from fyp_core.weights.sources import Additions, assembled_source, resolve_model
from fyp_media.errors import InputError
from tests.tiny_formats import (
    diffusers_lora,
    image_unet,
    kohya_lora,
    single_file,
    stable_diffusion_folder,
)
from tests.tiny_model import make_video

WEIGHTS = ("YueMafighting/FollowYourPose_v1", "f8c808b84975b9d57106021037a8bcc5c65061a1")
BASE, NETWORK = "stable-diffusion-v1-4", "followyourpose_checkpoint-1000"


def load(name: str | Path, additions: Additions | None = None) -> FollowYourPosePipeline:
    return FollowYourPosePipeline.from_source(resolve_model(name, additions))


def copy(folder: Path, target: Path) -> Path:
    return Path(shutil.copytree(folder, target))


# --- sources


@pytest.mark.slow
def test_published_layout(original: FollowYourPosePipeline, published: Path) -> None:
    by_folder = load(published)
    assert np.array_equal(make_video(by_folder), make_video(original))
    by_name = FollowYourPosePipeline.from_pretrained("followyourpose-v1")
    assert isinstance(by_name.unet, PoseVideoUNet)
    assert by_name.config.default_guidance_scale == 12.5
    assert all(p.dtype == torch.float32 and p.data_ptr() % 64 == 0 for p in by_name.unet.parameters())
    half = FollowYourPosePipeline.from_pretrained(published, torch_dtype=torch.bfloat16)
    parts = (half.unet, half.vae, half.text_encoder, half.pose_encoder)
    assert {p.dtype for part in parts for p in part.parameters()} == {torch.bfloat16}


def test_network_saved_by_accelerate_as_safetensors(
    original: FollowYourPosePipeline, published: Path, tmp_path: Path
) -> None:
    (tmp_path / "state").mkdir()
    save_file(original.unet.state_dict(), tmp_path / "state/model.safetensors")
    source = assembled_source(published / BASE, tmp_path / "state", published / "pose_encoder.pth")
    assert np.array_equal(make_video(FollowYourPosePipeline.from_source(source)), make_video(original))


def test_other_weights_do_not_go_by_the_published_name(published: Path, tmp_path: Path) -> None:
    root = copy(published, tmp_path / "checkpoints")
    parts = (BASE, NETWORK, "pose_encoder.pth")
    assert assembled_source(*(published / part for part in parts)).name == "followyourpose-v1"
    name = assembled_source(*(root / part for part in parts)).name
    assert name == str(root / NETWORK)
    with pytest.raises(InputError, match="There is no model"):
        resolve_model(name)


def test_the_bundled_model_is_found_beside_a_folder_of_published_ones() -> None:
    mini = resolve_model("auto")
    assert mini.name == "mini"
    assert "mini" in mini.note
    assert resolve_model("mini") == replace(mini, note="")
    assert all((bundled("judges") / name).is_file() for name in (POSE_FILE, CLASSIFIER_FILE))


def test_the_published_model_on_a_gpu_needs_no_bundled_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("fyp_core.weights.sources.bundled", lambda name: tmp_path / name)
    assert resolve_model("auto", has_gpu=True).name == "followyourpose-v1"


def test_our_layout(original: FollowYourPosePipeline, tmp_path: Path) -> None:
    original.save_pretrained(tmp_path / "ours")
    assert np.array_equal(make_video(load(tmp_path / "ours")), make_video(original))


@pytest.mark.slow
def test_converted_model_refers_to_its_base(
    original: FollowYourPosePipeline, other: FollowYourPosePipeline, published: Path, tmp_path: Path
) -> None:
    root = copy(published, tmp_path / "checkpoints")
    image_unet(other).save_pretrained(
        root / BASE / "unet"
    )  # the learnt network differs from its base everywhere
    state = image_unet(original).state_dict()
    learnt = set(stage2_parameter_names(original.unet))
    base = {name: tensor for name, tensor in state.items() if name not in learnt}
    base |= {name: tensor + 1 for name, tensor in state.items() if name in learnt}
    save_file(base, root / BASE / "unet/diffusion_pytorch_model.safetensors")
    assert main(["convert", str(root), str(tmp_path / "compact")]) == 0
    assert main(["convert", str(root), str(tmp_path / "whole"), "--standalone"]) == 0
    assert not (tmp_path / "compact/vae").exists()
    assert load_file(tmp_path / "compact/unet/diffusion_pytorch_model.safetensors").keys() == learnt
    expected = make_video(original)
    assert np.array_equal(make_video(load(tmp_path / "compact")), expected)
    assert np.array_equal(make_video(load(tmp_path / "whole")), expected)
    assert np.array_equal(make_video(FollowYourPosePipeline.from_pretrained(tmp_path / "compact")), expected)


def test_hub_cache_offline(
    original: FollowYourPosePipeline, published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the hub's own client lays out what it has downloaded."""

    def cache(repository: str, revision: str, *parts: Path) -> None:
        repo = tmp_path / f"models--{repository.replace('/', '--')}"
        commit = revision if len(revision) == 40 else "1" * 40
        (repo / "refs").mkdir(parents=True)
        (repo / "refs" / revision).write_text(commit)
        for part in parts:
            target = repo / "snapshots" / commit
            if part.is_dir() and part.name == BASE:
                copy(part, target)
            elif part.is_dir():
                copy(part, target / part.name)
            else:
                shutil.copy(part, target)

    cache("CompVis/stable-diffusion-v1-4", "133a221b8aa7292a167afc5127cb63fb5005638b", published / BASE)
    cache(*WEIGHTS, published / NETWORK, published / "pose_encoder.pth")
    monkeypatch.setenv("FYP_CHECKPOINTS", str(tmp_path / "empty"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    assert np.array_equal(make_video(load("followyourpose-v1")), make_video(original))
    ours = tmp_path / "ours"
    original.save_pretrained(ours / "stable-diffusion-v1-4")
    cache("someone/model", "v2", ours / BASE)
    assert np.array_equal(make_video(load("someone/model@v2")), make_video(original))
    assert model_revisions(resolve_model("someone/model@v2")) == [f"someone/model@{'1' * 40}"]
    with pytest.raises(InputError, match="someone/absent"):
        load("someone/absent")


def test_models_tells_what_is_here(published: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (status,) = (model for model in list_models() if model.name == "followyourpose-v1")
    assert status.missing == []
    assert len(status.parts) == 3
    root = copy(published, tmp_path / "checkpoints")
    (root / "pose_encoder.pth").unlink()
    monkeypatch.setenv("FYP_CHECKPOINTS", str(root))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    (status,) = (model for model in list_models() if model.name == "followyourpose-v1")
    assert status.missing == ["pose_encoder.pth"]


def test_hash_follows_the_weights(published: Path, tmp_path: Path) -> None:
    root = copy(published, tmp_path / "checkpoints")
    first = model_hash(resolve_model(root))
    assert first == model_hash(resolve_model(published))
    pose = torch.load(root / "pose_encoder.pth", weights_only=True)
    torch.save(pose | {"conv_in.bias": pose["conv_in.bias"] + 1}, root / "pose_encoder.pth")
    assert model_hash(resolve_model(root)) != first


# --- another base, autoencoder, LoRA, words


@pytest.mark.slow
@pytest.mark.parametrize("form", ["folder", "other.safetensors", "other.ckpt"])
def test_another_base_below_what_was_learnt_of_video(
    form: str,
    original: FollowYourPosePipeline,
    other: FollowYourPosePipeline,
    published: Path,
    tmp_path: Path,
) -> None:
    write = stable_diffusion_folder if form == "folder" else single_file
    base = write(other, tmp_path / form)
    pipeline = load("followyourpose-v1", Additions(base=str(base)))
    learnt = set(stage2_parameter_names(pipeline.unet))
    from_model, from_base = original.unet.state_dict(), other.unet.state_dict()
    for name, tensor in pipeline.unet.state_dict().items():
        assert torch.equal(tensor, (from_model if name in learnt else from_base)[name]), name
    for name, tensor in pipeline.vae.state_dict().items():
        assert torch.equal(tensor, other.vae.state_dict()[name]), name
    for name, tensor in pipeline.text_encoder.state_dict().items():
        assert torch.equal(tensor, other.text_encoder.state_dict()[name]), name
    assert np.isfinite(make_video(pipeline)).all()


@pytest.mark.parametrize("form", ["folder", "Stable Diffusion's folder", "sd.safetensors"])
def test_another_autoencoder(
    form: str, original: FollowYourPosePipeline, other: FollowYourPosePipeline, tmp_path: Path
) -> None:
    if form == "folder":
        other.vae.save_pretrained(tmp_path / form)
    elif form == "sd.safetensors":
        single_file(other, tmp_path / form)
    else:
        stable_diffusion_folder(other, tmp_path / form)
    additions = Additions(vae=str(tmp_path / form))
    pipeline = load("followyourpose-v1", additions)
    assert model_hash(resolve_model("followyourpose-v1", additions)) != model_hash(
        resolve_model("followyourpose-v1")
    )
    assert isinstance(pipeline.vae, AutoencoderKL)
    for name, tensor in pipeline.vae.state_dict().items():
        assert torch.equal(tensor, other.vae.state_dict()[name]), name
    assert torch.equal(pipeline.unet.conv_in.weight, original.unet.conv_in.weight)


def test_an_autoencoder_that_is_replaced_does_not_count(
    other: FollowYourPosePipeline, published: Path, tmp_path: Path
) -> None:
    root = copy(published, tmp_path / "checkpoints")
    other.vae.save_pretrained(tmp_path / "vae")
    additions = Additions(vae=str(tmp_path / "vae"))
    before = model_hash(resolve_model(root, additions))
    other.vae.save_pretrained(root / BASE / "vae")
    assert model_hash(resolve_model(root, additions)) == before


@pytest.mark.slow
def test_kohya_lora_adds_its_product_times_alpha_and_weight(
    original: FollowYourPosePipeline, tmp_path: Path
) -> None:
    file = kohya_lora(original, tmp_path / "kohya.safetensors")
    acting, merged, lora = load("followyourpose-v1"), load("followyourpose-v1"), load_file(file)
    set_loras(acting, (Lora.parse(f"{file}:0.5"),))
    for prefix, model in (("lora_unet", merged.unet), ("lora_te", merged.text_encoder)):
        for name, parameter in model.named_parameters():
            path = name if prefix == "lora_unet" or name.startswith("text_model.") else f"text_model.{name}"
            stem = f"{prefix}_{path.removesuffix('.weight').replace('.', '_')}"
            if f"{stem}.alpha" in lora:
                up, down = lora.pop(f"{stem}.lora_up.weight"), lora.pop(f"{stem}.lora_down.weight")
                parameter.data += 0.5 * lora.pop(f"{stem}.alpha") / len(down) * up @ down
    assert not lora, "every tensor of the file has its place"
    np.testing.assert_allclose(make_video(acting), make_video(merged), atol=1e-4)


def test_several_loras_with_weights(original: FollowYourPosePipeline, tmp_path: Path) -> None:
    files = (
        kohya_lora(original, tmp_path / "a.safetensors"),
        diffusers_lora(original, tmp_path / "b.safetensors"),
    )
    pipeline = load("followyourpose-v1")
    set_loras(pipeline, (Lora.parse(f"{files[0]}:0.3"), Lora.parse(str(files[1]))))
    both = make_video(pipeline)
    set_loras(pipeline, (Lora.parse(str(files[1])),))
    assert not np.allclose(make_video(pipeline), both, atol=1e-3)
    set_loras(pipeline, ())
    assert np.array_equal(make_video(pipeline), make_video(original))


@pytest.mark.parametrize("form", ["diffusers.bin", "web-ui.pt", "web-ui.safetensors"])
def test_textual_inversion(form: str, tmp_path: Path) -> None:
    file, vectors = tmp_path / form, torch.randn(2, 16)
    if form == "diffusers.bin":
        torch.save({"<hero>": vectors[0]}, file)
    elif form == "web-ui.pt":
        content = {"string_to_token": {"*": 265}, "string_to_param": {"*": torch.nn.Parameter(vectors)}}
        torch.save({**content, "name": "hero", "step": 500}, file)
    else:
        save_file({"emb_params": vectors}, file)
    word = "<hero>" if form == "diffusers.bin" else "web-ui"
    pipeline = load("followyourpose-v1", Additions(embeddings=(str(file),)))
    assert word in pipeline.tokenizer.get_vocab()
    assert not np.allclose(make_video(pipeline, f"a {word}"), make_video(pipeline, "a hero"), atol=1e-4)


# --- files that do not belong


class _Intruder:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Callable[..., None], tuple[Path]]:
        return Path.touch, (self.marker,)


@pytest.mark.parametrize("place", ["network", "base", "lora", "embedding", "vae"])
def test_a_file_that_would_run_code_is_refused(place: str, published: Path, tmp_path: Path) -> None:
    file, marker = tmp_path / "evil.ckpt", tmp_path / "executed"
    torch.save({"conv_in.weight": torch.zeros(1), "x": _Intruder(marker)}, file)
    with pytest.raises(InputError, match=r"(evil\.ckpt|pytorch_model\.bin).*run code"):
        if place == "network":
            root = copy(published, tmp_path / "checkpoints")
            shutil.copy(file, root / NETWORK / "pytorch_model.bin")
            load(root)
        else:
            additions = {
                "base": Additions(base=str(file)),
                "vae": Additions(vae=str(file)),
                "lora": Additions(),
                "embedding": Additions(embeddings=(str(file),)),
            }
            pipeline = load("followyourpose-v1", additions[place])
            set_loras(pipeline, (Lora.parse(str(file)),))
    assert not marker.exists()


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda state: state.pop("conv_in.bias"), "conv_in.bias missing"),
        (lambda state: state.update({"extra.weight": torch.zeros(1)}), "extra.weight unexpected"),
        (lambda state: state.update({"conv_in.bias": torch.zeros(3)}), r"conv_in.bias \(3,\) instead of"),
        (lambda state: state.pop("skeleton_adapter.conv_in.bias"), "adapter.conv_in.bias missing"),
    ],
)
def test_tensors_that_do_not_fit_are_named(
    spoil: Callable[..., None], complaint: str, published: Path, tmp_path: Path
) -> None:
    root = copy(published, tmp_path / "checkpoints")
    file = root / NETWORK / "pytorch_model.bin"
    state = torch.load(file, weights_only=True)
    spoil(state)
    torch.save(state, file)
    with pytest.raises(InputError, match=complaint):
        load(root)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.safetensors"])
def test_cut_off_files_are_named(
    name: str, original: FollowYourPosePipeline, published: Path, tmp_path: Path
) -> None:
    root = copy(published, tmp_path / "checkpoints")
    file = root / NETWORK / name
    if name == "model.safetensors":
        save_file(original.unet.state_dict(), file)
    file.write_bytes(file.read_bytes()[:-1000])
    with pytest.raises(InputError, match=f"{name} (is cut off|cannot be read|is damaged)"):
        load(root)


def test_other_peoples_files_are_named(original: FollowYourPosePipeline, tmp_path: Path) -> None:
    lora = kohya_lora(original, tmp_path / "lora.safetensors")
    checkpoint = single_file(original, tmp_path / "sd.safetensors")
    (tmp_path / "index").mkdir()
    (tmp_path / "index/model_index.json").write_text(json.dumps({"_class_name": "FluxPipeline"}))
    for name, additions in (
        ("followyourpose-v1", Additions(base=str(lora))),
        ("followyourpose-v1", Additions(embeddings=(str(checkpoint),))),
        ("followyourpose-v1", Additions(vae=str(lora))),
        (tmp_path / "index", None),
    ):
        with pytest.raises(InputError) as caught:
            load(name, additions)
        assert "\n" not in str(caught.value)
        assert str(tmp_path) in str(caught.value) or "index" in str(caught.value)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["checkpoint", "cut off", "text", "of another model"])
def test_other_peoples_files_are_no_loras_and_leave_none_acting(
    form: str, original: FollowYourPosePipeline, tmp_path: Path
) -> None:
    good, bad = kohya_lora(original, tmp_path / "good.safetensors"), tmp_path / "bad.safetensors"
    if form == "checkpoint":
        single_file(original, bad)
    elif form == "cut off":
        bad.write_bytes(good.read_bytes()[:-100])
    elif form == "text":
        bad.write_text("This is no LoRA.")
    else:
        state = load_file(good)
        save_file({name: torch.ones(tensor.numel() + 1, 3) for name, tensor in state.items()}, bad)
    pipeline = load("followyourpose-v1")
    with pytest.raises(InputError, match=r"bad\.safetensors is no LoRA for this model") as caught:
        set_loras(pipeline, (Lora.parse(str(good)), Lora.parse(str(bad))))
    assert "\n" not in str(caught.value)
    assert np.array_equal(make_video(pipeline), make_video(original))


# --- checkpoints of other kinds


def test_a_checkpoint_in_fp8_is_loaded_as_the_numbers_it_holds(
    other: FollowYourPosePipeline, tmp_path: Path
) -> None:
    file = single_file(other, tmp_path / "fp8.safetensors")
    eighth = {name: tensor.to(torch.float8_e4m3fn) for name, tensor in load_file(file).items()}
    save_file(eighth, file)
    pipeline = load("followyourpose-v1", Additions(base=str(file)))
    learnt = set(stage2_parameter_names(pipeline.unet))
    for part in ("unet", "vae", "text_encoder"):
        expected = getattr(other, part).state_dict()
        for name, tensor in getattr(pipeline, part).state_dict().items():
            if part != "unet" or name not in learnt:
                assert torch.equal(tensor, expected[name].to(torch.float8_e4m3fn).float()), name


def test_an_inpainting_checkpoint_is_named(original: FollowYourPosePipeline, tmp_path: Path) -> None:
    state = load_file(single_file(original, tmp_path / "sd.safetensors"))
    state["model.diffusion_model.input_blocks.0.0.weight"] = torch.zeros(8, 9, 3, 3)
    save_file(state, tmp_path / "inpainting.safetensors")
    with pytest.raises(
        InputError, match=r"inpainting\.safetensors .* it is an inpainting checkpoint"
    ) as caught:
        load("followyourpose-v1", Additions(base=str(tmp_path / "inpainting.safetensors")))
    assert "\n" not in str(caught.value)


def test_a_folder_of_another_family_is_named(
    original: FollowYourPosePipeline, published: Path, tmp_path: Path
) -> None:
    base = stable_diffusion_folder(original, tmp_path / "base")
    config = json.loads((base / "unet/config.json").read_text())
    (base / "unet/config.json").write_text(json.dumps(config | {"cross_attention_dim": 1024}))
    with pytest.raises(InputError, match=r"base is Stable Diffusion 2\.x .*1024 wide.* this model needs"):
        load("followyourpose-v1", Additions(base=str(base)))
    (base / "unet/config.json").write_text(json.dumps(config | {"in_channels": 9}))
    with pytest.raises(InputError, match="base has 9 input channels instead of 4"):
        load("followyourpose-v1", Additions(base=str(base)))
