"""Where the time of a denoising step goes: by kind of layer, in both orders in memory."""

from __future__ import annotations

import functools
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from diffusers.models.attention import FeedForward
from diffusers.models.resnet import ResnetBlock2D
from torch import nn

from benchmarks.gpu.scale import Row, Scale
from benchmarks.speed import GUIDED, our_parts, seconds_of
from fyp_core.pipeline import FollowYourPosePipeline
from fyp_core.unet import (
    ClipCrossAttention,
    ClipGroupNorm,
    SparseCausalAttention,
    TemporalAttention,
    TemporalConv,
)

KINDS: dict[str, type[nn.Module]] = {
    "attention to the first and the previous frame": SparseCausalAttention,
    "attention to the text": ClipCrossAttention,
    "attention over frames": TemporalAttention,
    "convolution over frames": TemporalConv,
    "feed-forward": FeedForward,
    "residual block": ResnetBlock2D,
    "group norm, of these": ClipGroupNorm,
}
ORDERS = {"channels-last": torch.channels_last, "contiguous": torch.contiguous_format}


@torch.no_grad()
def by_kind_of_layer(pipeline: FollowYourPosePipeline, scale: Scale, device: str) -> Iterator[Row]:
    """Milliseconds of a guided step and of decoding in both orders, and of the step's layers by kind."""
    for order, memory_format in ORDERS.items():
        for network in (pipeline.unet, pipeline.vae):
            network.to(memory_format=memory_format)
        parts = our_parts(pipeline, scale.frames[0], scale.size)
        side = scale.size // pipeline.vae_scale_factor
        latents = torch.randn(1, pipeline.vae.config.latent_channels, 4, side, side, device=device)
        decode = functools.partial(pipeline.decode_latents, latents, 4)
        yield {
            "order in memory": order,
            "frames": scale.frames[0],
            "guided step, ms": _milliseconds(parts[GUIDED], device, scale.rounds),
            "decoding 4 frames, ms": _milliseconds(decode, device, scale.rounds),
        }
        with timed_layers(pipeline.unet, device) as spent:
            parts[GUIDED]()
        for kind, milliseconds in spent().items():
            yield {"order in memory": order, "layers": kind, "milliseconds of a guided step": milliseconds}


def _milliseconds(part: Callable[[], Any], device: str, rounds: int) -> float:
    """The median after a run that does not count."""
    _, *seconds = [seconds_of(part, device) for _ in range(1 + rounds)]
    return 1000 * sorted(seconds)[len(seconds) // 2]


@contextmanager
def timed_layers(network: nn.Module, device: str) -> Iterator[Callable[[], dict[str, float]]]:
    """Time the layers while the block runs; the function that is yielded returns milliseconds by kind afterwards."""
    on_gpu = device.startswith("cuda")
    spans: dict[str, list[tuple[Any, Any]]] = defaultdict(list)

    def now() -> Any:
        if not on_gpu:
            return time.perf_counter()
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event

    def watch(layer: nn.Module, kind: str) -> list[Any]:
        started: list[Any] = []
        return [
            layer.register_forward_pre_hook(lambda *_: started.append(now())),
            layer.register_forward_hook(lambda *_: spans[kind].append((started.pop(), now()))),
        ]

    kinds = {layer_class: kind for kind, layer_class in KINDS.items()}
    hooks = [
        hook
        for layer in network.modules()
        if type(layer) in kinds
        for hook in watch(layer, kinds[type(layer)])
    ]

    def spent() -> dict[str, float]:
        if on_gpu:
            torch.cuda.synchronize()
            return {kind: sum(a.elapsed_time(b) for a, b in pairs) for kind, pairs in spans.items()}
        return {kind: 1000 * sum(b - a for a, b in pairs) for kind, pairs in spans.items()}

    try:
        yield spent
    finally:
        for hook in hooks:
            hook.remove()
