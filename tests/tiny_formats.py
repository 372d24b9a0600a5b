"""The toy model written in other people's formats, under their full tensor names."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from diffusers import UNet2DConditionModel
from safetensors.torch import save_file
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from benchmarks.random_model import published_names
from fyp_core.pipeline import FollowYourPosePipeline
from fyp_core.pose_encoder import PUBLISHED_PREFIX

State = dict[str, torch.Tensor]
RANK = 2
VISION_WIDTH, VISION_PROJECTION = 8, 6  # of the image encoder: features of parts, and of the whole picture


def published_layout(pipeline: FollowYourPosePipeline, root: Path) -> Path:
    """A ``checkpoints`` folder as published: Stable Diffusion, the inflated network, the pose encoder."""
    stable_diffusion_folder(pipeline, root / "stable-diffusion-v1-4")
    pose = published_names(pipeline.pose_encoder.state_dict())
    network = pipeline.unet.state_dict() | {PUBLISHED_PREFIX + name: tensor for name, tensor in pose.items()}
    folder = root / "followyourpose_checkpoint-1000"
    folder.mkdir()
    torch.save(network, folder / "pytorch_model.bin")
    (folder / "optimizer.bin").write_bytes(b"must not be read")
    torch.save(pose, root / "pose_encoder.pth")
    return root


def stable_diffusion_folder(pipeline: FollowYourPosePipeline, folder: Path) -> Path:
    """The image part in diffusers layout."""
    pipeline.save_pretrained(folder)
    for part in ("unet", "pose_encoder"):
        for file in (folder / part).iterdir():
            file.unlink()
        (folder / part).rmdir()
    image_unet(pipeline).save_pretrained(folder / "unet")
    index = json.loads((folder / "model_index.json").read_text())
    kept = ("vae", "text_encoder", "tokenizer", "scheduler")
    stable_diffusion: dict[str, Any] = {
        "_class_name": "StableDiffusionPipeline",
        **{name: index[name] for name in kept},
        "unet": ["diffusers", "UNet2DConditionModel"],
        "safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"],
        "feature_extractor": ["transformers", "CLIPImageProcessor"],
    }
    (folder / "model_index.json").write_text(json.dumps(stable_diffusion))
    return folder


def image_unet(pipeline: FollowYourPosePipeline) -> UNet2DConditionModel:
    unet = UNet2DConditionModel.from_config(pipeline.unet.config)
    state = pipeline.unet.state_dict()
    unet.load_state_dict({name: state[name] for name in unet.state_dict()})
    return unet


def single_file(pipeline: FollowYourPosePipeline, path: Path) -> Path:
    """As downloaded from model sites: everything in one file, in the names of the first Stable Diffusion code."""
    layers = pipeline.unet.config.layers_per_block
    ups = len(pipeline.vae.config.block_out_channels)
    state = {
        f"model.diffusion_model.{_ldm_unet_name(name, layers)}": tensor
        for name, tensor in image_unet(pipeline).state_dict().items()
    }
    for name, tensor in pipeline.vae.state_dict().items():
        is_projection = "attentions" in name and name.endswith("weight") and "group_norm" not in name
        state[f"first_stage_model.{_ldm_vae_name(name, ups)}"] = (
            tensor[..., None, None] if is_projection else tensor
        )
    for name, tensor in pipeline.text_encoder.state_dict().items():
        state[f"cond_stage_model.transformer.text_model.{name.removeprefix('text_model.')}"] = tensor
    state = {name: tensor.clone().contiguous() for name, tensor in state.items()}
    if path.suffix == ".safetensors":
        save_file(state, path)
    else:
        torch.save({"state_dict": state, "global_step": 840000}, path)
    return path


def kohya_lora(pipeline: FollowYourPosePipeline, path: Path, seed: int = 0) -> Path:
    """A LoRA of kohya's trainer: linear layers of all attentions and feed-forwards, in UNet and text encoder."""
    generator = torch.Generator().manual_seed(seed)
    state = {}
    unet_layer = r".*transformer_blocks\.\d+\.(attn[12]\.to_(q|k|v|out\.0)|ff\.net\.(0\.proj|2))\.weight"
    text_layer = r".*layers\.\d+\.(self_attn\.(q|k|v|out)_proj|mlp\.fc[12])\.weight"
    for prefix, model, layer in (
        ("lora_unet", pipeline.unet, unet_layer),
        ("lora_te", pipeline.text_encoder, text_layer),
    ):
        for name, weight in model.state_dict().items():
            if re.fullmatch(layer, name):
                if prefix == "lora_te" and not name.startswith("text_model."):
                    name = f"text_model.{name}"
                stem = f"{prefix}_{name.removesuffix('.weight').replace('.', '_')}"
                rows, columns = weight.shape
                state[f"{stem}.lora_down.weight"] = torch.randn(RANK, columns, generator=generator)
                state[f"{stem}.lora_up.weight"] = torch.randn(rows, RANK, generator=generator) / 10
                state[f"{stem}.alpha"] = torch.tensor(1.0 + len(state) % 2)
    save_file(state, path)
    return path


def diffusers_lora(pipeline: FollowYourPosePipeline, path: Path, seed: int = 0) -> Path:
    """A LoRA of diffusers' training script on the self-attention."""
    generator = torch.Generator().manual_seed(seed)
    state = {}
    for name, weight in pipeline.unet.state_dict().items():
        if name.endswith("attn1.to_v.weight"):
            rows, columns = weight.shape
            stem = f"unet.{name.removesuffix('.weight')}"
            state[f"{stem}.lora_A.weight"] = torch.randn(RANK, columns, generator=generator)
            state[f"{stem}.lora_B.weight"] = torch.randn(rows, RANK, generator=generator)
    save_file(state, path)
    return path


def _ldm_unet_name(name: str, layers: int) -> str:
    whole = {
        "time_embedding.linear_1": "time_embed.0",
        "time_embedding.linear_2": "time_embed.2",
        "conv_in": "input_blocks.0.0",
        "conv_norm_out": "out.0",
        "conv_out": "out.2",
        "mid_block.resnets.0": "middle_block.0",
        "mid_block.attentions.0": "middle_block.1",
        "mid_block.resnets.1": "middle_block.2",
    }
    inner = {
        "norm1": "in_layers.0",
        "conv1": "in_layers.2",
        "time_emb_proj": "emb_layers.1",
        "norm2": "out_layers.0",
        "conv2": "out_layers.3",
        "conv_shortcut": "skip_connection",
    }
    for ours, theirs in whole.items():
        if name.startswith(f"{ours}."):
            name = theirs + name[len(ours) :]
    match = re.match(
        r"(down|up)_blocks\.(\d+)\.(resnets|attentions|downsamplers|upsamplers)\.(\d+)\.(.+)", name
    )
    if match:
        way, kind, rest = match[1], match[3], match[5]
        block, layer = int(match[2]), int(match[4])
        first = block * (layers + 1)
        slot = 0 if kind == "resnets" else 1
        if kind == "downsamplers":
            name = f"input_blocks.{first + layers + 1}.0.op.{rest.removeprefix('conv.')}"
        elif kind == "upsamplers":  # the toy's only one follows blocks without attention
            name = f"output_blocks.{first + layers}.1.{rest}"
        else:
            place = first + layer + (1 if way == "down" else 0)
            name = f"{'input' if way == 'down' else 'output'}_blocks.{place}.{slot}.{rest}"
    if (match and match[3] == "resnets") or name.startswith(("middle_block.0", "middle_block.2")):
        for ours, theirs in inner.items():
            name = re.sub(rf"\.{ours}\.(weight|bias)$", rf".{theirs}.\1", name)
    return name


def _ldm_vae_name(name: str, ups: int) -> str:
    name = re.sub(r"encoder\.down_blocks\.(\d+)\.resnets\.(\d+)", r"encoder.down.\1.block.\2", name)
    name = re.sub(r"encoder\.down_blocks\.(\d+)\.downsamplers\.0", r"encoder.down.\1.downsample", name)
    name = re.sub(
        r"decoder\.up_blocks\.(\d+)\.resnets\.(\d+)",
        lambda match: f"decoder.up.{ups - 1 - int(match[1])}.block.{match[2]}",
        name,
    )
    name = re.sub(
        r"decoder\.up_blocks\.(\d+)\.upsamplers\.0",
        lambda match: f"decoder.up.{ups - 1 - int(match[1])}.upsample",
        name,
    )
    name = re.sub(r"mid_block\.resnets\.(\d)", lambda match: f"mid.block_{int(match[1]) + 1}", name)
    name = name.replace("mid_block.attentions.0", "mid.attn_1")
    for ours, theirs in {
        "group_norm": "norm",
        "to_q": "q",
        "to_k": "k",
        "to_v": "v",
        "to_out.0": "proj_out",
        "conv_shortcut": "nin_shortcut",
        "conv_norm_out": "norm_out",
    }.items():
        name = re.sub(rf"\.{re.escape(ours)}\.(weight|bias)$", rf".{theirs}.\1", name)
    return name


def ip_adapter(pipeline: FollowYourPosePipeline, folder: Path, *, plus: bool = False) -> Path:
    """An IP-Adapter in the layout of h94/IP-Adapter: its file, and the folder ``image_encoder`` beside it."""
    generator = torch.Generator().manual_seed(3)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator)

    width = pipeline.unet.config.cross_attention_dim
    keys = [name for name in pipeline.unet.state_dict() if name.endswith("attn2.to_k.weight")]
    rows = [len(pipeline.unet.state_dict()[name]) for name in sorted(keys, key=_order_of_blocks)]
    projection = _resampler(draw, width) if plus else _projection(draw, width)
    state = {f"image_proj.{name}": tensor for name, tensor in projection.items()} | {
        f"ip_adapter.{2 * index + 1}.to_{kind}_ip.weight": draw(count, width) / width**0.5
        for index, count in enumerate(rows)
        for kind in "kv"
    }
    torch.manual_seed(3)
    config = CLIPVisionConfig(
        hidden_size=VISION_WIDTH, intermediate_size=16, projection_dim=VISION_PROJECTION, num_hidden_layers=2,
        num_attention_heads=2, image_size=16, patch_size=8,
    )  # fmt: skip
    CLIPVisionModelWithProjection(config).save_pretrained(folder / "image_encoder")
    path = folder / f"ip-adapter{'-plus' * plus}_sd15.safetensors"
    save_file(state, path)
    return path


def _order_of_blocks(name: str) -> int:
    """The format numbers the layers of down blocks first, then those of up blocks, then the middle's."""
    return ("down_blocks", "up_blocks", "mid_block").index(name.split(".")[0])


def _projection(draw: Callable[..., torch.Tensor], width: int) -> State:
    return {
        "proj.weight": draw(4 * width, VISION_PROJECTION),
        "proj.bias": draw(4 * width),
        "norm.weight": torch.ones(width),
        "norm.bias": torch.zeros(width),
    }


def _resampler(draw: Callable[..., torch.Tensor], width: int) -> State:
    """Of the plus variants, which read the features of the picture's parts."""
    inner, head, tokens = 32, 64, 4
    state = {
        "latents": draw(1, tokens, inner),
        "proj_in.weight": draw(inner, VISION_WIDTH),
        "proj_in.bias": draw(inner),
        "proj_out.weight": draw(width, inner),
        "proj_out.bias": draw(width),
        "norm_out.weight": torch.ones(width),
        "norm_out.bias": torch.zeros(width),
    }
    for layer in range(4):
        attention, feed_forward = f"layers.{layer}.0", f"layers.{layer}.1"
        for norm in (f"{attention}.norm1", f"{attention}.norm2", f"{feed_forward}.0"):
            state |= {f"{norm}.weight": torch.ones(inner), f"{norm}.bias": torch.zeros(inner)}
        state |= {
            f"{attention}.to_q.weight": draw(head, inner),
            f"{attention}.to_kv.weight": draw(2 * head, inner),
            f"{attention}.to_out.weight": draw(inner, head),
            f"{feed_forward}.1.weight": draw(4 * inner, inner),
            f"{feed_forward}.3.weight": draw(inner, 4 * inner),
        }
    return state
