"""What ``benchmarks.gpu.check`` measures: each part yields rows of figures."""

from __future__ import annotations

import functools
import itertools
import platform
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import diffusers
import torch
import transformers
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from benchmarks import device as same_video
from benchmarks.gpu import training
from benchmarks.gpu.scale import TOY, Row, Scale
from benchmarks.gpu.step_parts import by_kind_of_layer
from benchmarks.reference import STEPS
from benchmarks.speed import (
    GUIDED,
    OURS,
    REFERENCE,
    SD14,
    STEP,
    Algorithm,
    end_to_end,
    load,
    measure,
    our_parts,
    seconds_of,
)
from fyp_core.generation.device import (
    ATTENTION_BACKENDS,
    DTYPES,
    Runtime,
    check_attention,
    choose_device,
    choose_dtype,
    compile_blocks,
    device_name,
    place,
    torch_dtype,
    use_attention,
)
from fyp_core.generation.running.memory import (
    clips_at_once,
    estimate_peak,
    free_memory,
    peak_memory,
    reset_peak,
)
from fyp_core.pipeline import FollowYourPosePipeline
from fyp_core.presets import PRESETS
from fyp_core.schedulers import make_scheduler
from fyp_media.errors import InputError

GIB = 2**30


def parts(scale: Scale) -> dict[str, Callable[[], Iterator[Row]]]:
    """All parts by name, in the order in which they run."""
    diffusers.logging.set_verbosity_error()  # says of every cast network that it is cast
    device = choose_device(None)
    dtype = choose_dtype("fp16" if device == "cuda" else "fp32", device)
    on_this = {
        "machine": machine,
        "conformance": conformance,
        "speed": speed,
        "waits": waits,
        "attention": attention,
        "step": step_parts,
        "memory": memory,
        "long video": long_video,
        "training": training.steps,
        "compile": compiled,
        "mini's training": training.throughput,
    }
    return {name: functools.partial(_clean, part, scale, device, dtype) for name, part in on_this.items()}


def _clean(
    part: Callable[[Scale, str, str], Iterator[Row]], scale: Scale, device: str, dtype: str
) -> Iterator[Row]:
    """A part with the memory of those before it given back."""
    free_memory()
    reset_peak(device)
    torch.manual_seed(0)
    yield from part(scale, device, dtype)


def machine(scale: Scale, device: str, dtype: str) -> Iterator[Row]:
    """Versions, and the rate of matrix products."""
    yield {
        "device": device_name(device),
        "Python": platform.python_version(),
        "PyTorch": torch.__version__,
        "diffusers": diffusers.__version__,
        "transformers": transformers.__version__,
    }
    order = 8192 if device == "cuda" else 512
    for name in DTYPES if device == "cuda" else ("fp32",):
        matrix = torch.randn(order, order, device=device, dtype=torch_dtype(name))
        product = functools.partial(torch.matmul, matrix, matrix)
        seconds = min(seconds_of(product, device) for _ in range(5))
        yield {"matrix product in": name, "TFLOP/s": 2 * order**3 / seconds / 1e12}


def build(scale: Scale, device: str, dtype: str, low_vram: bool = False) -> FollowYourPosePipeline:
    """A model with random weights of that scale, placed as a job's."""
    pipeline = load(SD14, dtype, device, scale.width)
    pipeline.register_to_config(window=scale.window, window_overlap=min(4, scale.window - 1))
    if low_vram:
        pipeline.to("cpu")
    place(pipeline, device, low_vram)
    return pipeline


def conformance(scale: Scale, device: str, dtype: str) -> Iterator[Row]:
    """A toy network on the device against the same in fp32 on the CPU; then ``mini``'s video."""
    own = load(SD14, "fp32", "cpu", TOY.width).unet.eval()
    for parameter in own.parameters():
        if not parameter.any():  # the temporal layers would do nothing
            nn.init.normal_(parameter, std=0.02)
    inputs = _network_inputs(own)
    expected = _predict(own, inputs)
    formats = DTYPES if device == "cuda" else ("fp32",)
    for name in formats:
        network = deepcopy(own).to(device, torch_dtype(name), memory_format=torch.channels_last)
        error = (_predict(network, inputs) - expected).abs().max() / expected.abs().max()
        yield {"toy network in": name, "largest error, relative": f"{float(error):.1e}"}
    if device == "cuda":
        for name in formats:
            yield {"mini in": name, **same_video.compare(device, name)}


def _network_inputs(network: nn.Module) -> tuple[torch.Tensor, torch.Tensor, list[torch.Tensor]]:
    config: Any = network.config
    frames, side = 4, 16
    channels = config.block_out_channels
    sides = [side, side // 2, side // 4, side // 8]
    pose = [torch.randn(2 * frames, c, s, s) for c, s in zip(channels, sides, strict=True)]
    return (
        torch.randn(2, config.in_channels, frames, side, side),
        torch.randn(2, 8, config.cross_attention_dim),
        pose,
    )


@torch.no_grad()
def _predict(network: Any, inputs: tuple[torch.Tensor, torch.Tensor, list[torch.Tensor]]) -> torch.Tensor:
    latents, text, pose = inputs
    as_network = functools.partial(torch.Tensor.to, device=network.device, dtype=network.dtype)
    prediction = network(as_network(latents), 500, as_network(text), [as_network(level) for level in pose])
    return prediction.sample.float().cpu()


def speed(scale: Scale, device: str, dtype: str) -> Iterator[Row]:
    """Presets against the reference algorithm, in one process and in turns."""
    reference = Algorithm(REFERENCE, load(SD14, dtype, device, scale.width))
    pipeline = build(scale, device, dtype)
    known: dict[str, float] = {}
    known_step = 0.0  # a frame
    for frames in scale.frames:
        ours = Algorithm(OURS, pipeline, whole=frames == scale.frames[0])
        origin = "measured"
        try:
            result = measure({REFERENCE: reference, OURS: ours}, frames, scale.size, scale.rounds)
            known = {name: value for name, value in result["seconds"].items() if REFERENCE in name}
            known_step = known[f"{REFERENCE}: {STEP}"] / frames
        except torch.OutOfMemoryError:
            free_memory()
            origin = "out of memory; its step as a multiple of fewer frames"
            result = measure({OURS: ours}, frames, scale.size, scale.rounds)
            # text and decoding are of as many frames as before
            result["seconds"] |= known | {f"{REFERENCE}: {STEP}": known_step * frames}
        for row in end_to_end(result, STEPS):
            whole = result["seconds"].get(f"{OURS}: whole, {row['preset']}")
            measured = {} if whole is None else {"seconds, whole video": whole}
            yield {"frames": frames, **row, **measured, "reference": origin}
        shares = result["share of the matrix rate"].items()
        yield {"frames": frames, **{f"{kind}: share of the matrix rate": share for kind, share in shares}}
        for name, seconds in result["seconds"].items():
            yield {"frames": frames, "part": name, "milliseconds": 1000 * seconds}


def waits(scale: Scale, device: str, dtype: str) -> Iterator[Row]:
    """How often the host waits for the GPU in a denoising step: the GPU is idle meanwhile."""
    if device != "cuda":
        return
    pipeline = build(scale, device, dtype)
    own, few, many = pipeline.scheduler, 4, 8
    for name, preset in PRESETS.items():
        pipeline.scheduler = make_scheduler(preset.scheduler, own)
        counts = [_waits_in(pipeline, scale, steps) for steps in (few, many)]
        yield {"preset": name, "waits a step": (counts[1] - counts[0]) / (many - few)}


def _waits_in(pipeline: FollowYourPosePipeline, scale: Scale, steps: int) -> int:
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            _generate(pipeline, scale.frames[0], scale.size, steps, output_type="latent")
    finally:
        torch.cuda.set_sync_debug_mode("default")
    return sum("synchroniz" in str(one.message) for one in caught)


def attention(scale: Scale, device: str, dtype: str) -> Iterator[Row]:
    """A guided step with each attention backend that is here, and with each kernel of PyTorch's own preferred."""
    pipeline = build(scale, device, dtype)
    for backend in ATTENTION_BACKENDS:
        try:
            check_attention(backend, pipeline.unet, device)
        except InputError as error:
            yield {"attention": backend, "note": str(error)}
            continue
        with use_attention(backend):
            for frames in scale.frames[:2]:
                yield {"attention": backend, "frames": frames, **_step(pipeline, frames, scale, device)}
    if device != "cuda":
        return
    kernels = {
        "cuDNN": SDPBackend.CUDNN_ATTENTION,
        "flash": SDPBackend.FLASH_ATTENTION,
        "memory-efficient": SDPBackend.EFFICIENT_ATTENTION,
    }
    for name, first in kernels.items():
        order = [first, *(kernel for kernel in kernels.values() if kernel is not first), SDPBackend.MATH]
        with sdpa_kernel(order, set_priority=True):
            step = _step(pipeline, scale.frames[0], scale, device)
        yield {"attention": f"native, {name} where possible", "frames": scale.frames[0], **step}


@torch.no_grad()
def _step(pipeline: FollowYourPosePipeline, frames: int, scale: Scale, device: str) -> Row:
    """Seconds of the first guided step and of one that follows."""
    step = our_parts(pipeline, frames, scale.size)[GUIDED]
    first, *others = [seconds_of(step, device) for _ in range(1 + scale.rounds)]
    return {"first step, s": first, "guided step, ms": 1000 * sorted(others)[len(others) // 2]}


def step_parts(scale: Scale, device: str, dtype: str) -> Iterator[Row]:
    """Where the time of a guided step goes, and whether the order in memory matters."""
    return by_kind_of_layer(build(scale, device, dtype), scale, device)


def compiled(scale: Scale, device: str, dtype: str) -> Iterator[Row]:
    """A guided step before and after the repeated blocks are compiled, and what the first one costs."""
    pipeline = build(scale, device, dtype)
    for is_compiled in (False, True):
        if is_compiled:
            compile_blocks(pipeline, scale.compiler)
        for frames in scale.compiled:
            yield {"compiled": is_compiled, "frames": frames, **_step(pipeline, frames, scale, device)}


def memory(scale: Scale, device: str, dtype: str) -> Iterator[Row]:
    """Peak memory of whole videos, with and without ``--low-vram``, and the estimate."""
    for low_vram in (False, True):
        pipeline = build(scale, device, dtype, low_vram)
        runtime = Runtime(device=device, dtype=dtype, low_vram=low_vram)
        for frames in scale.frames:
            reset_peak(device)
            options = _runtime_options(pipeline, frames, scale, runtime)
            seconds = _generate(pipeline, frames, scale.size, 2, **options)
            estimate = estimate_peak(pipeline, frames, scale.size, scale.size, True, runtime)
            yield {
                "low VRAM": low_vram,
                "frames": frames,
                "clips in a pass": options["clips_at_once"],
                "peak, GiB": peak_memory(device) / GIB,
                "estimated, GiB": estimate / GIB,
                "seconds of 2 steps and decoding": seconds,
            }
        del pipeline
        free_memory()


def long_video(scale: Scale, device: str, dtype: str) -> Iterator[Row]:
    """Memory and time of a long video by windows, and of a short one."""
    pipeline = build(scale, device, dtype)
    options = _runtime_options(pipeline, scale.long, scale, Runtime(device=device, dtype=dtype))
    chosen = options["clips_at_once"]
    for frames, clips in itertools.product((scale.frames[-1], scale.long), sorted({1, 2, chosen})):
        reset_peak(device)
        seconds = _generate(pipeline, frames, scale.size, 2, output_type="latent", clips_at_once=clips)
        yield {
            "frames": frames,
            "clips in a pass": clips,
            "peak, GiB": peak_memory(device) / GIB,
            "milliseconds a frame and step": 1000 * seconds / frames / 2,
        }


def _runtime_options(
    pipeline: FollowYourPosePipeline, frames: int, scale: Scale, runtime: Runtime
) -> dict[str, int]:
    """Arguments of the pipeline that a job chooses by memory."""
    clips = clips_at_once(pipeline, frames, scale.size, scale.size, True, runtime)
    return {"decode_chunk_size": runtime.decode_chunk, "clips_at_once": clips}


def _generate(pipeline: FollowYourPosePipeline, frames: int, size: int, steps: int, **options: Any) -> float:
    """Seconds."""
    start = time.perf_counter()
    video = pipeline(
        "a robot",
        torch.zeros(frames, 3, size, size),
        height=size,
        width=size,
        num_inference_steps=steps,
        generator=torch.Generator().manual_seed(0),
        **options,
    ).frames
    if isinstance(video, torch.Tensor) and not bool(video.isfinite().all()):
        print("The latents are not finite: random weights overflow in this number format.", file=sys.stderr)
    return time.perf_counter() - start
