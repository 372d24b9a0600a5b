"""The memory that a video takes, estimated before and measured after, and the memory that a device has."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from fyp_core.generation.device import TILE, Runtime, decoder_factor
from fyp_media.errors import InputError

if TYPE_CHECKING:
    from torch import nn

    from fyp_core.pipeline import FollowYourPosePipeline

_FREE_SHARE, _MOST_CLIPS = 0.7, 6  # of the free memory that clips may take; in a pass
# What is held at once, in maps: of the UNet's widest level, and of the autoencoder's second level. Measured on a GPU in
# fp16: 26.3 and 4.1.
_HELD_IN_UNET, _HELD_IN_VAE = 28, 4.5
_SCRATCH = 64 * 2**20  # bytes, for the libraries of matrix products and convolutions
_GIB = 2**30
_CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")


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
        reuses_features: between steps, see :mod:`fyp_core.feature_cache`.
    """
    vae = pipeline.vae
    clips = clips_at_once(pipeline, frames, height, width, guided, runtime)
    denoising = _denoising_bytes(pipeline, frames, height, width, guided, clips, reuses_features)
    tile = TILE if runtime.low_vram else max(height, width)
    scale = decoder_factor(pipeline) / pipeline.vae_scale_factor
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
    """What is held at once besides weights: in the network, for its clips; of poses and deep features, for those and
    the video itself."""
    from fyp_core.conditioning.pose_features import KEPT_BYTES
    from fyp_core.feature_cache import KEPT_DEEP_BYTES

    windows, together = _windows(pipeline, frames)
    halves = 2 if guided else 1
    a_map, pose_maps = _map_bytes(pipeline, height, width), _pose_maps(pipeline)
    maps = together * (clips * _HELD_IN_UNET + max(clips, halves) * pose_maps)
    deep_maps = together if reuses_features else 0  # of a clip
    if windows > 1 and str(pipeline._execution_device) != "cpu":  # the video's are in the host's memory
        return int((maps + max(clips, halves) * deep_maps) * a_map)
    kept = min(frames * pose_maps * a_map, KEPT_BYTES)
    kept_deep = min(windows * halves * deep_maps * a_map, KEPT_DEEP_BYTES)
    return int(maps * a_map + kept + kept_deep)


def _windows(pipeline: FollowYourPosePipeline, frames: int) -> tuple[int, int]:
    """How many windows a video has, and frames of each."""
    from fyp_core.windows import plan_windows  # with PyTorch, which the command line's options do without

    windows = plan_windows(frames, pipeline.config.window, pipeline.config.window_overlap)
    return len(windows), len(windows[0].weights)


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
    """Let :func:`peak_memory` count from now on; a CPU's cannot be reset."""
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
    """Whether an exception means that memory of the host or of a GPU ran out."""
    import torch

    on_cpu = isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
    return on_cpu or isinstance(error, (torch.OutOfMemoryError, MemoryError))


def in_gib(size: int) -> str:
    """Bytes as people read them, such as ``2.5 GiB``."""
    return f"{size / _GIB:.1f} GiB"
