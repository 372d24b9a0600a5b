"""How much memory a training run will take, estimated before it begins and without its weights.

A step is run with tensors that have sizes and no content; every allocation and release of it is counted.
"""

from __future__ import annotations

import weakref
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from fyp_core.generation.device import torch_dtype
from fyp_core.training.config import DiffusionConfig, TrainConfig, WorldData
from fyp_core.training.stage import Draws, stage_class
from fyp_core.training.stages.diffusion import DiffusionStage
from fyp_media.errors import InputError

_STATE_BYTES = {False: 8, True: 2}  # of AdamW for a parameter: two numbers of 32 bits, or of 8


@dataclass(frozen=True)
class Memory:
    """Bytes that a process needs for training.

    frozen, learning: weights; average: the moving average of the latter.
    step: activations and gradients held at once in a step, at most; at its end there are gradients alone.
    """

    frozen: int
    learning: int
    gradients: int
    optimizer: int
    average: int
    step: int

    @property
    def total(self) -> int:
        return self.frozen + self.learning + self.optimizer + self.average + self.step


def dry_run(config: TrainConfig) -> str:
    """A table of what would learn and of the memory it takes, with and without gradient checkpointing.

    Raises:
        InputError: the stage is none of the diffusion stages, or its settings cannot work.
    """
    plain, checkpointed = (
        estimate(config.model_copy(update={"gradient_checkpointing": checkpointing}))
        for checkpointing in (False, True)
    )
    lines = [*_learning_table(config), "", "Memory of each process:"]
    for name, size in (
        ("weights, frozen", plain.frozen),
        ("weights, learning", plain.learning),
        ("gradients", plain.gradients),
        ("optimizer", plain.optimizer),
        ("moving average", plain.average),
    ):
        lines.append(f"  {name:<28} {_readable(size):>10}")
    lines.append(f"  {'':<28} {'without gradient_checkpointing':>31} {'with gradient_checkpointing':>28}")
    for name, field in (("activations and gradients", "step"), ("all at the peak", "total")):
        both = _readable(getattr(plain, field)), _readable(getattr(checkpointed, field))
        lines.append(f"  {name:<28} {both[0]:>31} {both[1]:>28}")
    return "\n".join(lines)


def estimate(config: TrainConfig) -> Memory:
    """What a process needs to train with these settings; no weights are read.

    Raises:
        InputError: the stage is none of the diffusion stages, or its settings cannot work.
    """
    with FakeTensorMode():
        stage = _stage_without_weights(config)
        network = stage.network.train()
        learning = [parameter for parameter in network.parameters() if parameter.requires_grad]
        frozen = [parameter for parameter in network.parameters() if not parameter.requires_grad]
        if not isinstance(config.train_data, WorldData):  # its latents are computed before training
            frozen += stage.pipeline.vae.parameters()
        peak = _step_peak(stage, config)
    size = sum(parameter.nbytes for parameter in learning)
    return Memory(
        frozen=sum(parameter.nbytes for parameter in frozen),
        learning=size,
        gradients=size,
        optimizer=_STATE_BYTES[config.use_8bit_adam] * sum(p.numel() for p in learning),
        average=size if config.ema_decay else 0,
        step=max(peak, size),
    )


def _step_peak(stage: DiffusionStage, config: TrainConfig) -> int:
    """Bytes that the forward and backward passes of a step hold at once, at most, besides weights and batch."""
    batch = stage.example(config.train_batch_size)
    tracker = AllocationTracker([*stage.network.parameters(), *stage.network.buffers(), *batch.values()])
    mixed = config.mixed_precision != "no"
    autocast = torch.autocast("cpu", torch_dtype(config.mixed_precision)) if mixed else torch.enable_grad()
    with tracker:
        for _ in range(
            min(config.gradient_accumulation_steps, 2)
        ):  # from the second batch on, gradients exist
            with autocast:
                loss = stage.loss(stage.network, batch, ZeroNoise(config.train_batch_size))
            loss.backward()
            del loss
    return tracker.peak


class AllocationTracker(TorchDispatchMode):
    """Counts the bytes of all tensors that are made, until they are released; views cost nothing.

    PyTorch's own ``torch.distributed._tools.mem_tracker`` (2.14) cannot: it hooks into the gradient of every
    parameter, and most of ours are frozen.
    """

    def __init__(self, there_before: Sequence[torch.Tensor]) -> None:
        super().__init__()
        self._known = {tensor.untyped_storage()._cdata for tensor in there_before}
        self._live = 0
        self.peak = 0

    def __torch_dispatch__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = function(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, torch.Tensor):
                self._note(tensor.untyped_storage())
        return result

    def _note(self, storage: torch.UntypedStorage) -> None:
        if storage._cdata in self._known:
            return
        self._known.add(storage._cdata)
        self._live += storage.nbytes()
        self.peak = max(self.peak, self._live)
        weakref.finalize(storage, self._release, storage._cdata, storage.nbytes())

    def _release(self, key: int, size: int) -> None:
        self._known.discard(key)
        self._live -= size


class ZeroNoise(Draws):
    """Zeros of the right shapes, in place of random numbers."""

    def __init__(self, count: int) -> None:
        self.count = count

    def uniform(self) -> torch.Tensor:
        return torch.zeros(self.count)

    def normal(self, *shape: int) -> torch.Tensor:
        return torch.zeros(self.count, *shape)

    def clip_noise(self, *shape: int, share: float) -> torch.Tensor:
        return self.normal(*shape)


def _stage_without_weights(config: TrainConfig) -> DiffusionStage:
    if not isinstance(config, DiffusionConfig):
        raise InputError(f"There are no estimates for the {config.stage} stage; leave out --dry-run.")
    return stage_class(config.stage)(config, with_weights=False)


def _learning_table(config: TrainConfig) -> list[str]:
    """Groups of parameters that learn, with their numbers."""
    with FakeTensorMode():
        stage = _stage_without_weights(config)
        named = list(stage.network.named_parameters())
    modules = stage.trained_modules
    counts: dict[str, list[int]] = defaultdict(list)
    for name, parameter in named:
        if parameter.requires_grad:
            matched = [module for module in modules if f".{module}." in f".{name}."]
            counts[matched[0] if matched else name.partition(".")[0]].append(parameter.numel())
    learning = sum(map(sum, counts.values()))
    total = sum(parameter.numel() for _, parameter in named)
    lines = [f"The {config.stage} stage learns {learning / 1e6:.1f} M of {total / 1e6:.1f} M parameters:"]
    lines += [
        f"  {name:<18} {sum(sizes) / 1e6:>8.2f} M in {len(sizes)} tensors" for name, sizes in counts.items()
    ]
    return lines


def _readable(size: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"
