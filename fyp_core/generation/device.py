"""How a model runs on a device: number format, attention backend, compilation, which parts are on it."""

from __future__ import annotations

import functools
import timeit
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

from fyp_core.settings import RequestSettings, setting
from fyp_media.errors import InputError, first_line

if TYPE_CHECKING:
    import torch

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
TILE = 512  # pixels a side; larger pictures are decoded in tiles where memory is scarce
_MEASURED_SIDE, _MEASURED_TIMES = 384, 5  # matrices with which the faster number format is measured


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
    """Whether PyTorch can use a GPU by CUDA."""
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
    """PyTorch's name of one of :data:`DTYPES`; KeyError for another."""
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
        vae.tile_latent_min_size = TILE // pipeline.vae_scale_factor
        vae.tile_sample_min_size = vae.tile_latent_min_size * decoder_factor(pipeline)
    if low_vram and device.startswith("cuda"):
        pipeline.enable_model_cpu_offload(device=device)
    else:
        pipeline.to(device)


def decoder_factor(pipeline: FollowYourPosePipeline) -> int:
    """Pixels a side that the decoder makes of a latent's location, before they are unfolded."""
    return 2 ** (len(pipeline.vae.config.block_out_channels) - 1)


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
