"""LoRA files as other tools write them do to the model what their tools do; what does not fit is named."""

import json
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from fyp_core.pipeline import FollowYourPosePipeline
from fyp_core.weights.lora.loading import Lora, set_loras
from fyp_core.weights.sources import resolve_model
from fyp_media.errors import InputError
from tests.tiny_formats import RANK, State, diffusers_lora, kohya_lora
from tests.tiny_model import make_video

ALPHA = 1.5
Layers = dict[str, nn.Linear | nn.Conv2d]


@pytest.fixture
def loaded() -> FollowYourPosePipeline:
    return FollowYourPosePipeline.from_source(resolve_model("followyourpose-v1"))


def chosen_layers(pipeline: FollowYourPosePipeline, *, with_text: bool = True) -> Layers:
    """Linear layers and a convolution, by kohya's names."""
    layers = {}
    for prefix, network in (("lora_unet", pipeline.unet), ("lora_te_text_model", pipeline.text_encoder)):
        for name, module in network.named_modules():
            is_chosen = name.endswith(("attn1.to_v", "ff.net.2", "mlp.fc1", "resnets.0.conv1"))
            if is_chosen and isinstance(module, (nn.Linear, nn.Conv2d)):
                layers[f"{prefix}_{name.replace('.', '_')}"] = module
    return {name: module for name, module in layers.items() if with_text or "_te_" not in name}


def random_tensors(seed: int = 1) -> Callable[..., torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return lambda *shape: torch.randn(*shape, generator=generator) * 0.3


def check_same_as(pipeline: FollowYourPosePipeline, file: Path, changes: State, weight: float = 1.0) -> None:
    """The file acts as if ``changes`` were added to the weights."""
    before = make_video(pipeline)
    set_loras(pipeline, (Lora(file=file, weight=weight),))
    acting = make_video(pipeline)
    set_loras(pipeline, ())
    assert np.array_equal(make_video(pipeline), before)
    for name, layer in chosen_layers(pipeline).items():
        if name in changes:
            layer.weight.data += weight * changes[name].view(layer.weight.shape)
    merged = make_video(pipeline)
    assert np.abs(merged - before).max() > 1e-2
    np.testing.assert_allclose(acting, merged, atol=2e-4)


def low_rank(layers: Layers) -> tuple[State, State]:
    """kohya's tensors and the changes they stand for."""
    draw, state, changes = random_tensors(), {}, {}
    for name, layer in layers.items():
        outputs, inputs, *kernel = layer.weight.shape
        up, down = draw(outputs, RANK, *(1 for _ in kernel)), draw(RANK, inputs, *kernel)
        state |= {f"{name}.lora_up.weight": up, f"{name}.lora_down.weight": down}
        state[f"{name}.alpha"] = torch.tensor(ALPHA)
        changes[name] = (ALPHA / RANK * up.flatten(1) @ down.flatten(1)).view(layer.weight.shape)
    return state, changes


def test_convolutions_of_locon(loaded: FollowYourPosePipeline, tmp_path: Path) -> None:
    state, changes = low_rank(chosen_layers(loaded))
    save_file(state, tmp_path / "locon.safetensors")
    check_same_as(loaded, tmp_path / "locon.safetensors", changes, 0.5)


@pytest.mark.parametrize("axis", ["rows", "columns"])
@pytest.mark.parametrize("weight", [1.0, 0.5])
def test_dora(axis: str, weight: float, loaded: FollowYourPosePipeline, tmp_path: Path) -> None:
    layers = chosen_layers(loaded)
    state, changes = low_rank(layers)
    draw = random_tensors(2)
    for name, layer in layers.items():
        original = layer.weight.detach()
        changed = original + changes[name]
        kept = 0 if axis == "rows" else 1
        dims = [dim for dim in range(changed.ndim) if dim != kept]
        lengths = changed.square().sum(dims, keepdim=True).sqrt()
        scale = lengths * (1 + draw(*lengths.shape))
        state[f"{name}.dora_scale"] = scale
        changes[name] = changed / lengths * scale - original
    save_file(state, tmp_path / "dora.safetensors")
    check_same_as(loaded, tmp_path / "dora.safetensors", changes, weight)


@pytest.mark.parametrize("rank", [2, 6])
def test_loha(rank: int, loaded: FollowYourPosePipeline, tmp_path: Path) -> None:
    draw, state, changes = random_tensors(), {}, {}
    for name, layer in chosen_layers(loaded).items():
        outputs, inputs = layer.weight.flatten(1).shape
        a1, b1, a2, b2 = draw(outputs, rank), draw(rank, inputs), draw(outputs, rank), draw(rank, inputs)
        parts = {"hada_w1_a": a1, "hada_w1_b": b1, "hada_w2_a": a2, "hada_w2_b": b2}
        state |= {f"{name}.{part}": tensor for part, tensor in parts.items()}
        state[f"{name}.alpha"] = torch.tensor(ALPHA)
        changes[name] = ALPHA / rank * (a1 @ b1) * (a2 @ b2)
    save_file(state, tmp_path / "loha.safetensors")
    check_same_as(loaded, tmp_path / "loha.safetensors", changes)


@pytest.mark.parametrize("is_decomposed", [True, False])
def test_lokr(is_decomposed: bool, loaded: FollowYourPosePipeline, tmp_path: Path) -> None:
    draw, state, changes = random_tensors(), {}, {}
    for name, layer in chosen_layers(loaded).items():
        outputs, inputs, *kernel = layer.weight.shape
        first = draw(2, 2)
        state[f"{name}.lokr_w1"] = first
        if is_decomposed:
            up, down = draw(outputs // 2, RANK), draw(RANK, inputs // 2 * int(np.prod(kernel or [1])))
            state |= {f"{name}.lokr_w2_a": up, f"{name}.lokr_w2_b": down}
            state[f"{name}.alpha"] = torch.tensor(ALPHA)
            second, scale = (up @ down).view(outputs // 2, inputs // 2, *kernel), ALPHA / RANK
        else:
            second, scale = draw(outputs // 2, inputs // 2, *kernel), 1.0
            state[f"{name}.lokr_w2"] = second
            state[f"{name}.alpha"] = torch.tensor(ALPHA)  # without effect, as in LyCORIS
        blocks = first[:, None, :, None].view(2, 1, 2, 1, *(1 for _ in kernel)) * second[None, :, None]
        changes[name] = scale * blocks.reshape(layer.weight.shape)
    save_file(state, tmp_path / "lokr.safetensors")
    check_same_as(loaded, tmp_path / "lokr.safetensors", changes)


@pytest.mark.parametrize(
    "spell",
    [
        lambda name: name.replace("unet.", "base_model.model."),  # PEFT's adapter_model.safetensors
        lambda name: name.replace("unet.", "base_model.model.").replace("weight", "default.weight"),
        lambda name: name.removeprefix("unet."),
        lambda name: name.replace("lora_A", "lora.down").replace("lora_B", "lora.up"),
        lambda name: name.replace("attn1.to_v.lora_A", "attn1.processor.to_v_lora.down").replace(
            "attn1.to_v.lora_B", "attn1.processor.to_v_lora.up"
        ),
    ],
    ids=["peft", "peft of a live model", "unprefixed", "diffusers", "older diffusers"],
)
def test_spellings_of_the_same_lora(
    spell: Callable[[str], str],
    original: FollowYourPosePipeline,
    loaded: FollowYourPosePipeline,
    tmp_path: Path,
) -> None:
    usual = diffusers_lora(original, tmp_path / "usual.safetensors")
    save_file({spell(name): t for name, t in load_file(usual).items()}, tmp_path / "other.safetensors")
    set_loras(loaded, (Lora(file=usual),))
    expected = make_video(loaded)
    set_loras(loaded, (Lora(file=tmp_path / "other.safetensors"),))
    assert np.array_equal(make_video(loaded), expected)


def test_ranks_may_differ_from_layer_to_layer(loaded: FollowYourPosePipeline, tmp_path: Path) -> None:
    draw, state, changes = random_tensors(), {}, {}
    for index, (name, layer) in enumerate(chosen_layers(loaded).items()):
        outputs, inputs, *kernel = layer.weight.shape
        rank = 1 + index % 3
        up, down = draw(outputs, rank, *(1 for _ in kernel)), draw(rank, inputs, *kernel)
        state |= {f"{name}.lora_up.weight": up, f"{name}.lora_down.weight": down}
        changes[name] = up.flatten(1) @ down.flatten(1)
    save_file(state, tmp_path / "mixed.safetensors")
    check_same_as(loaded, tmp_path / "mixed.safetensors", changes)


def test_words_in_a_lora_file_come_and_go_with_it(
    original: FollowYourPosePipeline, loaded: FollowYourPosePipeline, tmp_path: Path
) -> None:
    state = load_file(kohya_lora(original, tmp_path / "plain.safetensors"))
    vectors = torch.randn(3, 16, generator=torch.Generator().manual_seed(3))
    save_file({**state, "bundle_emb.MyHero.string_to_param.*": vectors}, tmp_path / "bundle.safetensors")
    before = make_video(loaded, "a myhero")
    set_loras(loaded, (Lora(file=tmp_path / "plain.safetensors"),))
    plain = make_video(loaded, "a myhero")
    set_loras(loaded, (Lora(file=tmp_path / "bundle.safetensors"),))
    with_word = make_video(loaded, "a MyHero")
    assert np.abs(with_word - plain).max() > 1e-3
    assert np.array_equal(make_video(loaded, "a myhero"), with_word)
    set_loras(loaded, (Lora(file=tmp_path / "plain.safetensors"),))
    assert np.array_equal(make_video(loaded, "a myhero"), plain)
    set_loras(loaded, ())
    assert np.array_equal(make_video(loaded, "a myhero"), before)


def sized_lora(path: Path, text: int, width: int, features: int, names: str = "lora_te") -> Path:
    """A LoRA of kohya's trainer for a network of these widths."""
    block = "down_blocks_0_attentions_0_transformer_blocks_0"
    sizes = {
        f"{names}_text_model_encoder_layers_0_mlp_fc1": (4 * text, text),
        f"lora_unet_{block}_attn1_to_q": (width, width),
        f"lora_unet_{block}_attn2_to_k": (width, features),
    }
    state = {}
    for name, (outputs, inputs) in sizes.items():
        state |= {f"{name}.lora_up.weight": torch.zeros(outputs, 1), f"{name}.alpha": torch.tensor(1.0)}
        state[f"{name}.lora_down.weight"] = torch.zeros(1, inputs)
    save_file(state, path)
    return path


@pytest.mark.parametrize(
    ("sizes", "family"),
    [
        ((768, 320, 768), "Stable Diffusion 1.x"),
        ((1024, 320, 1024), "Stable Diffusion 2.x"),
        ((768, 640, 2048, "lora_te1"), "SDXL"),
    ],
)
def test_a_lora_for_another_family_is_refused_in_one_sentence(
    sizes: tuple, family: str, loaded: FollowYourPosePipeline, tmp_path: Path
) -> None:
    file = sized_lora(tmp_path / "other.safetensors", *sizes)
    with pytest.raises(InputError, match=f"other.safetensors .* made for {family}; this model is") as caught:
        set_loras(loaded, (Lora(file=file),))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) - len(str(file)) < 200


@pytest.mark.parametrize(
    ("tensors", "what"),
    [
        ({"lora_unet_x.oft_blocks": (4, 2, 2), "lora_unet_x.alpha": ()}, "an OFT"),
        ({"lora_unet_x.on_input": (), "lora_unet_x.weight": (4,)}, "an IA3"),
        ({"down_blocks.0.motion_modules.0.temporal_transformer.x.lora_A.weight": (2, 4)}, "a motion LoRA"),
        ({"double_blocks.0.img_attn.qkv.lora_A.weight": (2, 3072)}, "made for Flux"),
        ({"lora_unet_down_blocks_9_x.lora_down.weight": (2, 8)}, "do not belong together|layers are not in"),
        ({"lora_unet_x.lora_down.weight": (2, 8), "lora_unet_x.hello": (2,)}, "hello is of a kind"),
    ],
)
def test_kinds_that_do_not_work_are_named(
    tensors: dict[str, tuple[int, ...]], what: str, loaded: FollowYourPosePipeline, tmp_path: Path
) -> None:
    save_file({name: torch.zeros(shape) for name, shape in tensors.items()}, tmp_path / "x.safetensors")
    with pytest.raises(InputError, match=what):
        set_loras(loaded, (Lora(file=tmp_path / "x.safetensors"),))


def test_a_layer_of_another_size_is_named(
    original: FollowYourPosePipeline, loaded: FollowYourPosePipeline, tmp_path: Path
) -> None:
    state = load_file(diffusers_lora(original, tmp_path / "x.safetensors"))
    name = next(iter(state))
    state[name] = torch.zeros(*state[name].shape[:-1], state[name].shape[-1] + 1)
    save_file(state, tmp_path / "x.safetensors")
    with pytest.raises(InputError, match=r"its layer .*attn1\.to_v (has|do)"):
        set_loras(loaded, (Lora(file=tmp_path / "x.safetensors"),))


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"\n<!DOCTYPE html><html>Log in</html>", "a web page; download the file itself"),
        (b"version https://git-lfs.github.com/spec/v1", "a pointer of Git LFS"),
        (b"PK\x03\x04archive", "in PyTorch's format; let its name end in .pt"),
        (b"", "empty; download it again"),
    ],
    ids=["web page", "Git LFS", "PyTorch", "empty"],
)
def test_files_that_hold_no_weights_are_named(
    content: bytes, what: str, loaded: FollowYourPosePipeline, tmp_path: Path
) -> None:
    (tmp_path / "x.safetensors").write_bytes(content)
    with pytest.raises(InputError, match=rf"x\.safetensors is no LoRA for this model: it is {what}"):
        set_loras(loaded, (Lora(file=tmp_path / "x.safetensors"),))


@pytest.mark.parametrize(("rank", "value", "fault"), [(0, 1.0, "is empty"), (2, np.nan, "undefined numbers")])
def test_layers_without_usable_numbers_are_named(
    rank: int, value: float, fault: str, loaded: FollowYourPosePipeline, tmp_path: Path
) -> None:
    name, layer = next(iter(chosen_layers(loaded).items()))
    rows, columns = layer.weight.flatten(1).shape
    factors = {"lora_down": torch.full((rank, columns), value), "lora_up": torch.ones(rows, rank)}
    save_file(
        {f"{name}.{part}.weight": tensor for part, tensor in factors.items()}, tmp_path / "x.safetensors"
    )
    with pytest.raises(InputError, match=f"its layer {name} (is|has) .*{fault.removeprefix('is ')}"):
        set_loras(loaded, (Lora(file=tmp_path / "x.safetensors"),))


def write_safetensors(path: Path, header: bytes, length: int | None = None, body: int = 64) -> None:
    path.write_bytes(struct.pack("<Q", len(header) if length is None else length) + header + bytes(body))


@pytest.mark.parametrize("fault", ["overlap", "header", "outside", "huge shape"])
def test_malformed_files_are_refused(fault: str, loaded: FollowYourPosePipeline, tmp_path: Path) -> None:
    entry = '"{}":{{"dtype":"F32","shape":[{}],"data_offsets":[{},{}]}}'
    header = {
        "overlap": f"{{{entry.format('a.lora_A.weight', 8, 0, 32)},{entry.format('b', 8, 16, 48)}}}",
        "outside": f"{{{entry.format('a.lora_A.weight', 1000, 0, 4000)}}}",
        "huge shape": f"{{{entry.format('a.lora_A.weight', 2**62, 0, 64)}}}",
        "header": "{}",
    }[fault]
    file = tmp_path / "x.safetensors"
    write_safetensors(file, header.encode(), 2**40 if fault == "header" else None)
    with pytest.raises(
        InputError, match="list of tensors is longer" if fault == "header" else "cannot be read"
    ):
        set_loras(loaded, (Lora(file=file),))


def test_the_text_form_of_a_lora(tmp_path: Path) -> None:
    file = tmp_path / "a:b.safetensors"
    file.touch()
    assert Lora.parse(str(file)) == Lora(file=file)
    assert Lora.parse(f"{file}:0.25") == Lora(file=file, weight=0.25)
    assert Lora.parse(str(Lora(file=file, weight=-0.5))) == Lora(file=file, weight=-0.5)
    with pytest.raises(InputError, match="finite"):
        Lora.parse(f"{file}:nan")
    with pytest.raises(InputError, match="There is no LoRA file"):
        Lora.parse(str(tmp_path / "none.safetensors"))
    with pytest.raises(InputError, match="is a folder; name the LoRA file in it"):
        Lora.parse(str(tmp_path))


@pytest.mark.parametrize("name", ["x.SAFETENSORS", "x.pt", "x"])
def test_a_file_is_known_by_its_content(name: str, loaded: FollowYourPosePipeline, tmp_path: Path) -> None:
    state, changes = low_rank(chosen_layers(loaded))
    save_file(state, tmp_path / name)
    check_same_as(loaded, tmp_path / name, changes)


def test_matrices_of_different_ranks_are_named(loaded: FollowYourPosePipeline, tmp_path: Path) -> None:
    state, _ = low_rank(chosen_layers(loaded))
    state = {name: tensor[:1] if "lora_down" in name else tensor for name, tensor in state.items()}
    save_file({name: tensor.contiguous() for name, tensor in state.items()}, tmp_path / "x.safetensors")
    with pytest.raises(InputError, match="do not belong together"):
        set_loras(loaded, (Lora(file=tmp_path / "x.safetensors"),))


@pytest.mark.parametrize("by_root", [False, True])
@pytest.mark.parametrize("tool", ["PEFT", "diffusers"])
def test_a_strength_stated_beside_the_tensors_acts(
    tool: str, by_root: bool, loaded: FollowYourPosePipeline, tmp_path: Path
) -> None:
    """alpha / rank, or by rsLoRA (Kalajdzievski 2023, arXiv 2312.03732) alpha / sqrt(rank)."""
    state, changes = low_rank(chosen_layers(loaded, with_text=False))
    state = {name: tensor for name, tensor in state.items() if not name.endswith("alpha")}
    config = {"r": RANK, "lora_alpha": ALPHA * (RANK**0.5 if by_root else 1), "use_rslora": by_root}
    if by_root:
        config["lora_alpha"] /= RANK
    file, stated = tmp_path / "adapter_model.safetensors", {}
    if tool == "PEFT":
        (tmp_path / "adapter_config.json").write_text(json.dumps(config))
    else:
        packed = {f"unet.{name}": value for name, value in config.items()}
        stated = {"lora_adapter_metadata": json.dumps(packed)}
    save_file(state, file, stated)
    check_same_as(loaded, file, changes)


def test_strengths_that_differ_by_layer_are_refused(loaded: FollowYourPosePipeline, tmp_path: Path) -> None:
    state, _ = low_rank(chosen_layers(loaded))
    config = {"lora_adapter_metadata": json.dumps({"unet.lora_alpha": 1, "unet.alpha_pattern": {"to_v": 2}})}
    save_file(state, tmp_path / "x.safetensors", config)
    with pytest.raises(InputError, match="its layers have different strengths"):
        set_loras(loaded, (Lora(file=tmp_path / "x.safetensors"),))
