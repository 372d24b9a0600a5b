"""How a model runs on a device: number format, attention backend, and the memory it takes."""

from __future__ import annotations

import functools
import math
import sys
import timeit
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

from fyp_core.settings import RequestSettings, setting
from fyp_media.errors import InputError, first_line

if TYPE_CHECKING:
    import torch
    from torch import nn

    from fyp_core.pipeline import FollowYourPosePipeline
    from fyp_core.unet import PoseVideoUNet

DType = Literal["fp32", "fp16", "bf16"]
DTYPES: tuple[DType, ...] = ("fp32", "fp16", "bf16")
AUTO_DTYPE = "auto"
CompilerBackend = Callable[..., Callable[..., Any]]
"""Of :func:`torch.compile`: makes a function of a traced graph and examples of its inputs."""
Attention = Literal["native", "xformers", "flash", "sage"]
ATTENTION_BACKENDS: tuple[Attention, ...] = get_args(Attention)
_DECODED_AT_ONCE = 4  # frames; more are not faster on a GPU that four of 512² keep busy
_TILE = 512  # pixels a side; larger pictures are decoded in tiles where memory is scarce
_MEASURED_SIDE, _MEASURED_TIMES = 384, 5  # matrices with which the faster number format is measured
_FREE_SHARE, _MOST_CLIPS = 0.7, 6  # of the free memory that clips may take; in a pass
# What is held at once, in maps: of the UNet's widest level, and of the autoencoder's second level. Measured on a GPU in
# fp16: 26.3 and 4.1.
_HELD_IN_UNET, _HELD_IN_VAE = 28, 4.5
_SCRATCH = 64 * 2**20  # bytes, for the libraries of matrix products and convolutions
_GIB = 2**30
_CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")


class Runtime(RequestSettings):
    """How to run a model."""

    device: str | None = setting(
        None, "cuda, cuda:1, mps (Apple's GPUs) or cpu", unset="a GPU where there is one", group="device"
    )
    dtype: DType | Literal["auto"] = setting(
        "auto", "number format; auto: the fastest that is exact enough", group="device"
    )
    attention: Attention = setting("native", "how attention is computed; native: by PyTorch", group="device")
    low_vram: bool = setting(False, "use a fraction of the GPU's memory, but take longer", group="device")
    compile: bool = setting(
        False,
        "compile the network: the first video takes a minute or more longer, later ones less",
        group="device",
    )

    @property
    def decode_chunk(self) -> int:
        """Frames the autoencoder decodes at once."""
        return 1 if self.low_vram else _DECODED_AT_ONCE


def has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


def choose_device(name: str | None) -> str:
    """The device of that name, or the best one.

    Raises:
        InputError: there is no such device here.
    """
    import torch

    if name is None:
        return "cuda" if has_gpu() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:  # PyTorch without CUDA asserts
        raise InputError(f"There is no device {name} here; use cpu.") from error
    return name


def device_name(device: str) -> str:
    """A name for people: the GPU's model, or ``cpu``."""
    import torch

    return torch.cuda.get_device_name(device) if device.startswith("cuda") else device


def torch_dtype(name: str) -> torch.dtype:
    import torch

    return {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}[name]


def choose_dtype(name: str, device: str) -> DType:
    """Number format for a device: ``auto`` is fp16 with CUDA, fp32 with MPS, on a CPU the faster of bf16 and fp32.

    Without instructions for it a CPU computes in bf16 tens of times slower than in fp32, and some that have them still
    take twice as long as in fp32.

    Raises:
        InputError: the device does not have it.
    """
    import torch

    if name not in (AUTO_DTYPE, *DTYPES):
        raise InputError(f"There is no number format {name}; choose {AUTO_DTYPE} or {', '.join(DTYPES)}.")
    on_cuda, on_cpu = device.startswith("cuda"), device.startswith("cpu")
    has_bf16 = (on_cpu and _cpu_has_bf16()) or (
        on_cuda and torch.cuda.is_bf16_supported(including_emulation=False)
    )
    if name == AUTO_DTYPE:
        return "fp16" if on_cuda else "bf16" if has_bf16 and bf16_is_faster() else "fp32"
    if (name == "bf16" and not has_bf16) or (name == "fp16" and on_cpu):
        raise InputError(f"This {'CPU' if on_cpu else 'GPU'} has no fast {name}; use {AUTO_DTYPE} or fp32.")
    return cast(DType, name)


def _cpu_has_bf16() -> bool:
    import torch

    # Older PyTorch does not report it; fp32 always works.
    capabilities: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()
    return any(capabilities.get(name) for name in ("avx512_bf16", "amx_bf16", "sve_bf16", "bf16"))


@functools.cache
def bf16_is_faster() -> bool:
    """Whether this CPU multiplies matrices faster in bf16 than in fp32: measured, in about 20 ms."""
    import torch

    def seconds(dtype: torch.dtype) -> float:
        matrix = torch.ones(_MEASURED_SIDE, _MEASURED_SIDE, dtype=dtype)
        return min(timeit.repeat(lambda: matrix @ matrix, number=1, repeat=_MEASURED_TIMES))

    return seconds(torch.bfloat16) < seconds(torch.float32)


def check_attention(backend: str, unet: PoseVideoUNet, device: str) -> None:
    """Try an attention backend on queries as wide as the network's.

    Raises:
        InputError: it is not installed here or cannot serve this model on this device.
    """
    if backend == "native":
        return
    import torch
    from diffusers.models.attention_dispatch import dispatch_attention_fn

    if not device.startswith("cuda"):
        raise InputError(f"The attention backend {backend} needs a GPU; use native.")
    widths = {layer.to_q.out_features // layer.heads for layer in unet.modules() if hasattr(layer, "to_q")}
    with use_attention(backend):
        for width in sorted(widths):
            query = torch.zeros(1, 16, 1, width, device=device, dtype=unet.dtype)
            try:
                dispatch_attention_fn(query, query, query)
            except (ValueError, RuntimeError, AssertionError, NotImplementedError) as error:
                reason = first_line(error)
                raise InputError(
                    f"The attention backend {backend} cannot serve this model ({reason}); use native."
                ) from error


@contextmanager
def use_attention(backend: str) -> Iterator[None]:
    """Attention inside the block is computed by that backend of diffusers.

    Raises:
        InputError: unknown, or not installed here.
    """
    from diffusers.models.attention_dispatch import attention_backend

    if backend not in ATTENTION_BACKENDS:
        raise InputError(
            f"There is no attention backend {backend}; choose one of {', '.join(ATTENTION_BACKENDS)}."
        )
    with ExitStack() as stack:
        try:
            stack.enter_context(attention_backend(backend))
        except RuntimeError as error:  # diffusers names the package to install
            raise InputError(f"{str(error).rstrip('.')}; or use the attention backend native.") from error
        yield


def place(pipeline: FollowYourPosePipeline, device: str, low_vram: bool) -> None:
    """Move a loaded pipeline to its device; convolutions compute faster where memory is channels-last."""
    import torch

    for network in (pipeline.unet, pipeline.vae):
        network.to(memory_format=torch.channels_last)
    if low_vram:
        vae = pipeline.vae
        vae.enable_slicing()
        vae.enable_tiling()
        # An autoencoder's own tile is as large as its training pictures, or 32 pixels where it does not say.
        vae.tile_latent_min_size = _TILE // pipeline.vae_scale_factor
        vae.tile_sample_min_size = vae.tile_latent_min_size * _decoder_factor(pipeline)
    if low_vram and device.startswith("cuda"):
        pipeline.enable_model_cpu_offload(device=device)
    else:
        pipeline.to(device)


def compile_blocks(pipeline: FollowYourPosePipeline, backend: str | CompilerBackend = "inductor") -> None:
    """Let PyTorch compile the network's repeated blocks, when they first run and for any number of frames.

    One kind of block is compiled once for all its copies, which takes less time than the whole network.

    Args:
        backend: of :func:`torch.compile`.

    Raises:
        InputError: nothing can be compiled here, for example without a compiler.
    """
    import torch

    try:
        torch.compile(torch.neg, backend=backend)(torch.ones(1, device=pipeline._execution_device))
    except Exception as error:  # of the compiler, of many kinds
        raise InputError(
            f"Nothing can be compiled here ({first_line(error)}); leave --compile out."
        ) from error
    # The blocks read the number of frames from an object; as a constant it would be compiled anew for each number.
    torch._dynamo.config.allow_unspec_int_on_nn_module = True
    pipeline.unet.compile_repeated_blocks(backend=backend, dynamic=True)


def estimate_peak(
    pipeline: FollowYourPosePipeline,
    frames: int,
    height: int,
    width: int,
    guided: bool,
    runtime: Runtime,
    reuses_features: bool = False,
) -> int:
    """Estimated largest number of bytes of the device's memory that generating will take.

    It is the weights and the larger of what is held at once in denoising and in decoding.

    Args:
        reuses_features: between steps, see :mod:`fyp_core.feature_cache`, which keeps them of the whole video.
    """
    vae = pipeline.vae
    clips = clips_at_once(pipeline, frames, height, width, guided, runtime)
    denoising = _denoising_bytes(pipeline, frames, height, width, guided, clips, reuses_features)
    tile = _TILE if runtime.low_vram else max(height, width)
    scale = _decoder_factor(pipeline) / pipeline.vae_scale_factor
    pixels = min(frames, runtime.decode_chunk) * min(height, tile) * min(width, tile) * scale**2
    decoding = int(_HELD_IN_VAE * pixels * max(vae.config.block_out_channels[:2]) * vae.dtype.itemsize)

    sizes = {name: _bytes(part) for name, part in pipeline.components.items() if hasattr(part, "parameters")}
    if runtime.low_vram and str(pipeline._execution_device) != "cpu":
        return _SCRATCH + max(*sizes.values(), sizes["unet"] + denoising, sizes["vae"] + decoding)
    return _SCRATCH + sum(sizes.values()) + max(denoising, decoding)


def clips_at_once(
    pipeline: FollowYourPosePipeline, frames: int, height: int, width: int, guided: bool, runtime: Runtime
) -> int:
    """How many clips the network computes in a pass: windows of a long video, and both halves of guidance.

    One where memory is scarce. A GPU takes several windows as far as its memory allows, up to a number that keeps the
    peak of a long video near that of a short one. A CPU gains nothing from more than one window
    (``mini``, two cores: 1, 2, 4 and 6 clips take 1.05, 1, 1.05 and 1.11 times as long).
    """
    a_window = 2 if guided else 1
    if runtime.low_vram:
        return 1
    device = str(pipeline._execution_device)
    if not device.startswith("cuda"):
        return a_window
    windows, together = _windows(pipeline, frames)
    a_clip = together * (_HELD_IN_UNET + _pose_maps(pipeline)) * _map_bytes(pipeline, height, width)
    fitting = int(_FREE_SHARE * _free_memory(device) / a_clip)
    return max(1, min(fitting, _MOST_CLIPS, a_window * windows))


def _denoising_bytes(
    pipeline: FollowYourPosePipeline,
    frames: int,
    height: int,
    width: int,
    guided: bool,
    clips: int,
    reuses_features: bool,
) -> int:
    """What is held at once besides weights: in the network, for its clips; of poses, for those and the video itself."""
    from fyp_core.conditioning.pose_features import KEPT_BYTES

    windows, together = _windows(pipeline, frames)
    halves = 2 if guided else 1
    a_map, pose_maps = _map_bytes(pipeline, height, width), _pose_maps(pipeline)
    maps = together * (clips * _HELD_IN_UNET + max(clips, halves) * pose_maps)
    if reuses_features:
        maps += together * halves * windows
    on_host = windows > 1 and str(pipeline._execution_device) != "cpu"
    kept = 0 if on_host else min(frames * pose_maps * a_map, KEPT_BYTES)
    return int(maps * a_map + kept)


def _windows(pipeline: FollowYourPosePipeline, frames: int) -> tuple[int, int]:
    """How many windows a video has, and frames of each."""
    from fyp_core.windows import plan_windows  # with PyTorch, which the command line's options do without

    windows = plan_windows(frames, pipeline.config.window, pipeline.config.window_overlap)
    return len(windows), len(windows[0].weights)


def _decoder_factor(pipeline: FollowYourPosePipeline) -> int:
    """Pixels a side that the decoder makes of a latent's location, before they are unfolded."""
    return 2 ** (len(pipeline.vae.config.block_out_channels) - 1)


def _map_bytes(pipeline: FollowYourPosePipeline, height: int, width: int) -> int:
    """A frame's map of the UNet's widest level."""
    unet, factor = pipeline.unet, pipeline.vae_scale_factor
    locations = math.ceil(height / factor) * math.ceil(width / factor)
    return locations * unet.config.block_out_channels[0] * unet.dtype.itemsize


def _pose_maps(pipeline: FollowYourPosePipeline) -> float:
    """The pose features of a frame, as a multiple of :func:`_map_bytes`: each level has half the side of the last."""
    widths = pipeline.unet.config.block_out_channels
    return sum(width / widths[0] / 4**level for level, width in enumerate(widths))


def _free_memory(device: str) -> int:
    """Bytes of a GPU that can be allocated, including what PyTorch has reserved and does not use."""
    import torch

    unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return torch.cuda.mem_get_info(device)[0] + unused


def _bytes(model: nn.Module) -> int:
    return sum(tensor.nbytes for tensor in (*model.parameters(), *model.buffers()))


def free_memory() -> None:
    """Return memory that no object uses any more to the device."""
    import gc

    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    elif torch.backends.mps.is_available():
        torch.mps.empty_cache()


def reset_peak(device: str) -> None:
    if device.startswith("cuda"):
        import torch

        torch.cuda.reset_peak_memory_stats(device)


def peak_memory(device: str) -> int:
    """Bytes: of the GPU since :func:`reset_peak`; on the CPU of this process since its start."""
    if device.startswith("cuda"):
        import torch

        return torch.cuda.max_memory_allocated(device)
    import psutil

    memory = psutil.Process().memory_info()
    if hasattr(memory, "peak_wset"):  # Windows, which lacks the module below
        return memory.peak_wset
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def available_memory(device: str) -> int:
    """Bytes that models on this device may take, with what this process holds there already."""
    import torch

    if device.startswith("cuda"):
        return torch.cuda.mem_get_info(device)[0] + torch.cuda.memory_reserved(device)
    import psutil

    free, own = psutil.virtual_memory().available, psutil.Process().memory_info().rss
    return min(free + own, _container_limit())


def _container_limit() -> int:
    """Bytes that the control group of this process may take."""
    try:
        return int(_CGROUP_LIMIT.read_text())
    except (OSError, ValueError):  # there is none, or it is "max"
        return sys.maxsize


def check_memory(needed: int, device: str, advice: str) -> None:
    """Raise InputError where a model needs more memory than the device has.

    Args:
        needed: bytes.
        advice: what to do about it.
    """
    available = available_memory(device)
    if needed > available:
        raise InputError(
            f"This needs about {in_gib(needed)} of memory, but {device} has {in_gib(available)}; {advice}."
        )


def is_out_of_memory(error: BaseException) -> bool:
    import torch

    on_cpu = isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
    return on_cpu or isinstance(error, (torch.OutOfMemoryError, MemoryError))


def in_gib(size: int) -> str:
    return f"{size / _GIB:.1f} GiB"
