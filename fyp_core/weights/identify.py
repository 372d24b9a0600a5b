"""What a weight file is, recognised from the names and shapes of its tensors.

Files of many tools end in ``.safetensors``; a message that refuses one says what it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from fyp_core.weights.tensors import Tensors
from fyp_media.errors import InputError

Role = Literal["lora", "embedding", "ip_adapter", "checkpoint", "variant", "unet", "vae", "other", "unknown"]

SD1 = "Stable Diffusion 1.x"
# By the width of the text features that the UNet reads.
_FAMILY_OF_WIDTH = {768: SD1, 1024: "Stable Diffusion 2.x", 2048: "SDXL"}
_LATENT_CHANNELS = 4  # of Stable Diffusion's autoencoder; those of SD3 and Flux have 16
PLACES: dict[Role, str] = {  # the option that takes it, or why none does
    "lora": ", which is for --lora",
    "embedding": ", which is for --embedding",
    "ip_adapter": ", which is for --ip-adapter",
    "checkpoint": ", which is for --base",
    "vae": ", which is for --vae",
    "variant": "; only plain text-to-image checkpoints work",
}

# The first pattern that is found in any name decides. Flux and SD3 use the names of SDXL's text encoders as well.
_FAMILY_NAMES = (
    (r"single_transformer_blocks|double_blocks|single_blocks", "Flux"),
    (r"joint_blocks|add_[kqv]_proj|lora_te3_|text_encoder_3\.", "Stable Diffusion 3"),
    (r"(^|[._])blocks[._]\d+[._](self_attn|cross_attn)", "Wan"),
    (r"lora_te[12]_|text_encoder_2\.|conditioner\.embedders|label_emb|add_embedding", "SDXL"),
    (r"transformer_blocks[._][2-9]", "SDXL"),
    (r"^cond_stage_model\.model\.", "Stable Diffusion 2.x"),
)
_OTHER_FILES = (
    (r"motion_module|temporal_transformer", "a motion module of AnimateDiff"),
    (r"control_model\.|controlnet_|control_lora|lora_controlnet|input_hint_block|zero_convs", "a ControlNet"),
    (r"^(adapter\.)?body\.\d+\.(block|resnets|in_conv)", "a T2I-Adapter"),
    (r"\.rdb\d\.|\.RDB\d\.|^conv_first\.", "an upscaler"),
)
# Kinds of LoRA of LyCORIS and others; those without a name here are plain ones.
_LORA_KINDS = (
    (r"dora_scale|lora_magnitude_vector", "a DoRA"),
    (r"\.hada_", "a LoHa"),
    (r"\.lokr_", "a LoKr"),
    (r"\.oft_|\.boft_", "an OFT"),
    (r"\.on_input$", "an IA3"),
    (r"\.(a1|b1)\.weight$", "a GLoRA"),
    (r"\.(diff|diff_b|w_norm|b_norm)$", "a full difference (LyCORIS)"),
)
_ADDITIVE = r"lora_(A|B|up|down|unet|te)|lora\.(up|down)|_lora\.|lora_linear_layer|" + "|".join(
    pattern for pattern, _ in _LORA_KINDS
)


@dataclass(frozen=True)
class FileKind:
    """What a weight file is.

    role: what it can be used as; a variant is a checkpoint whose UNet is of a kind that does not work here.
    what: with its article, for a sentence.
    family: the models that it was made for; "" where it does not say.
    """

    role: Role
    what: str
    family: str = ""

    def __str__(self) -> str:
        return f"{self.what} for {self.family}" if self.family else self.what


def identify(tensors: Tensors) -> FileKind:
    """The kind of a weight file by its tensors."""
    names = list(tensors)
    has = _Search(names)
    if has(r"^(image_proj|ip_adapter)\."):
        return _ip_adapter(tensors, has)
    if has(_ADDITIVE):
        if has(_OTHER_FILES[0][0]):
            return FileKind("other", "a motion LoRA of AnimateDiff")
        if has(r"lora_controlnet"):
            return FileKind("other", "a ControlNet")
        kind = next((what for pattern, what in _LORA_KINDS if has(pattern)), "a LoRA")
        return FileKind("lora", kind, _family(tensors, has))
    if embedding := _embedding(tensors):
        return embedding
    if has(r"^(model\.)?diffusion_model\."):
        is_whole = has(r"^(first_stage_model|cond_stage_model|conditioner)\.")
        return _network("checkpoint" if is_whole else "unet", tensors, has)
    for pattern, what in _OTHER_FILES:
        if has(pattern):
            return FileKind("other", what)
    return _model_part(tensors, has)


def family_of(unet_config: Mapping[str, Any]) -> str:
    """The family of a UNet by its configuration; "" for one of no known size, such as ``mini``."""
    is_full_size = unet_config["block_out_channels"][0] == 320
    return _FAMILY_OF_WIDTH.get(unet_config["cross_attention_dim"], "") if is_full_size else ""


def width_family(width: int) -> str:
    """The family whose text features are of this width; "" for none."""
    return _FAMILY_OF_WIDTH.get(width, "")


def check_family(kind: FileKind, unet_config: Mapping[str, Any]) -> None:
    """Raise InputError for a file that was made for models of another family than the one of this UNet.

    A UNet of no known size may take it where its text features are as wide: then its layers decide.
    """
    width = unet_config["cross_attention_dim"]
    family = family_of(unet_config)
    if kind.family and kind.family != (family or width_family(width)):
        model = family or f"of another size (text features {width} wide)"
        raise InputError(
            f"it was made for {kind.family}; this model is {model} and takes what was made for it"
        )


class _Search:
    """Whether a pattern is found in any of the names."""

    def __init__(self, names: list[str]) -> None:
        self._names = names

    def __call__(self, pattern: str) -> bool:
        compiled = re.compile(pattern)
        return any(map(compiled.search, self._names))


def _family(tensors: Tensors, has: _Search) -> str:
    for pattern, family in _FAMILY_NAMES:
        if has(pattern):
            return family
    return _family_by_width(tensors)


def _family_by_width(tensors: Tensors) -> str:
    """By the text features that cross-attention reads, or else by the width of the text encoder."""
    read = r"attn2.*to_[kv](?!.*(up\.|lora_B|w1_a|w2_|lokr|dora|magnitude))"
    text = r"(text_model|text_encoder).*(mlp_fc1|mlp\.fc1).*(lora_down|lora_A|lora\.down|hada_w1_b)"
    for pattern in (read, text):
        widths = {t.shape[1] for name, t in tensors.items() if re.search(pattern, name) and len(t.shape) > 1}
        if len(widths) == 1 and (family := _FAMILY_OF_WIDTH.get(widths.pop())):
            return family
    return ""


def _embedding(tensors: Tensors) -> FileKind | None:
    """Vectors of textual inversion: a tensor each word, or those of SDXL's two text encoders."""
    if set(tensors) == {"clip_l", "clip_g"}:
        return FileKind("other", "an embedding", "SDXL")
    widths = {tuple(t.shape)[-1:] for t in tensors.values() if len(t.shape) in (1, 2)}
    if len(widths) != 1 or any("." in name or len(t.shape) not in (1, 2) for name, t in tensors.items()):
        return None
    return FileKind("embedding", "an embedding", width_family(widths.pop()[0]))


def _ip_adapter(tensors: Tensors, has: _Search) -> FileKind:
    """By the width of the tokens it makes, which is that of the text features; FaceID files bring a LoRA besides."""
    widths = {
        t.shape[1] for name, t in tensors.items() if name.endswith("to_k_ip.weight") and len(t.shape) == 2
    }
    family = width_family(widths.pop()) if len(widths) == 1 else ""
    if has(r"to_k_lora|perceiver_resampler"):
        return FileKind(
            "other", "an IP-Adapter of the FaceID kind, which reads features of InsightFace", family
        )
    return FileKind("ip_adapter", "an IP-Adapter", family)


def _network(role: Role, tensors: Tensors, has: _Search) -> FileKind:
    """A UNet in the names of the first Stable Diffusion code, alone or in a whole checkpoint."""
    what = "a checkpoint" if role == "checkpoint" else "a network without text encoder and autoencoder"
    family = _family(tensors, has)
    first = next((t for name, t in tensors.items() if name.endswith("input_blocks.0.0.weight")), None)
    channels = first.shape[1] if first is not None else _LATENT_CHANNELS
    if channels == 2 * _LATENT_CHANNELS + 1:
        return FileKind("variant", f"an inpainting checkpoint ({channels} input channels)", family)
    if has(r"scaled_fp8|\.scale_weight$|\.weight_scale$"):
        return FileKind("variant", "a checkpoint in scaled fp8", family)
    if has(r"\.(absmax|quant_map|qweight)|quant_state"):
        return FileKind("variant", "a quantised checkpoint (bitsandbytes, GPTQ)", family)
    return FileKind(role, what, family)


def _model_part(tensors: Tensors, has: _Search) -> FileKind:
    """A part of a model in a file of its own."""
    if has(r"(down|up)_blocks\.\d+\.attentions") and has(r"^time_embedding\."):
        return FileKind("unet", "a UNet in diffusers' names", _family(tensors, has))
    if has(r"^(first_stage_model\.)?(encoder|decoder)\.(down|up|conv_in|mid)"):
        latent = next((t for name, t in tensors.items() if name.endswith("decoder.conv_in.weight")), None)
        if latent is not None and latent.shape[1] != _LATENT_CHANNELS:
            return FileKind("other", f"an autoencoder with {latent.shape[1]} latent channels")
        return FileKind("vae", "an autoencoder (VAE)")
    if has(r"joint_blocks|double_blocks|single_blocks|transformer_blocks"):
        return FileKind("other", "a diffusion transformer", _family(tensors, has))
    if has(r"text_model\.encoder|^encoder\.block\.\d+\.layer"):
        return FileKind("other", "a text encoder")
    return FileKind("unknown", "a file of an unknown kind")
