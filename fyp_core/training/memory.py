"""What a training run will take of memory, told before it begins and without its weights.

A step is run with tensors that have sizes and no content; every allocation and release of it is counted.
"""

from __future__ import annotations

import weakref
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from fyp_core.generation.device import torch_dtype
from fyp_core.training.config import WORLD, TrainConfig
from fyp_core.training.draws import Draws
from fyp_core.training.stages import stage_class
from fyp_media.errors import InputError

_STATE_BYTES = {False: 8, True: 2}  # of AdamW, a parameter: two numbers, in 8 bits where asked for


@dataclass(frozen=True)
class Memory:
    """Bytes that a process needs for training.

    frozen, learning: weights; average: the moving average of the latter.
    activations: held at once in a step, at most, besides ``gradients_then``.
    """

    frozen: int
    learning: int
    gradients: int
    optimizer: int
    average: int
    activations: int
    gradients_then: int

    @property
    def step(self) -> int:
        """What a step allocates at most; at its end there are gradients alone."""
        return max(self.activations + self.gradients_then, self.gradients)

    @property
    def total(self) -> int:
        return self.frozen + self.learning + self.optimizer + self.average + self.step


def dry_run(config: TrainConfig) -> str:
    """Tell what would learn and what memory that takes, with and without gradient checkpointing.

    Raises:
        InputError: the stage is none of the diffusion stages, or its settings cannot work.
    """
    plain, checkpointed = (
        estimate(replace(config, gradient_checkpointing=checkpointing)) for checkpointing in (False, True)
    )
    lines = [*_learning_table(config), "", "Memory of each process:"]
    for name, size in (
        ("weights, frozen", plain.frozen),
        ("weights, learning", plain.learning),
        ("gradients", plain.gradients),
        ("optimizer", plain.optimizer),
        ("moving average", plain.average),
    ):
        lines.append(f"  {name:<18} {_readable(size):>10}")
    lines.append(f"  {'':<18} {'without gradient_checkpointing':>31} {'with gradient_checkpointing':>28}")
    for name, field in (("activations", "activations"), ("at the peak", "total")):
        both = _readable(getattr(plain, field)), _readable(getattr(checkpointed, field))
        lines.append(f"  {name:<18} {both[0]:>31} {both[1]:>28}")
    return "\n".join(lines)


def estimate(config: TrainConfig) -> Memory:
    """What a process needs to train with these settings; no weights are read.

    Raises:
        InputError: the stage is none of the diffusion stages, or its settings cannot work.
    """
    with FakeTensorMode():
        stage = _sketch(config)
        network = stage.network.train()
        learning = [parameter for parameter in network.parameters() if parameter.requires_grad]
        own_data = config.train_data.kind != WORLD
        frozen = [p for p in network.parameters() if not p.requires_grad]
        if own_data:
            frozen += stage.pipeline.vae.parameters()
        batch = stage.example(config.train_batch_size)
        peak = step_peak(stage, config, batch, _AnyNumbers(config.train_batch_size))
    size = sum(parameter.nbytes for parameter in learning)
    return Memory(
        frozen=sum(parameter.nbytes for parameter in frozen),
        learning=size,
        gradients=size,
        optimizer=_STATE_BYTES[config.use_8bit_adam] * sum(p.numel() for p in learning),
        average=size if config.ema_decay else 0,
        activations=peak.live - peak.gradients,
        gradients_then=peak.gradients,
    )


@dataclass(frozen=True)
class Peak:
    """Bytes held at the worst moment of a step; ``gradients`` of ``live`` were already those of parameters."""

    live: int
    gradients: int


def step_peak(stage: Any, config: TrainConfig, batch: Mapping[str, torch.Tensor], draws: Draws) -> Peak:
    """Run the forward and backward passes of a step on the CPU and count what they hold at once."""
    held = _Held([*stage.network.parameters(), *stage.network.buffers(), *batch.values()])
    learning = [parameter for parameter in stage.network.parameters() if parameter.requires_grad]
    hooks = [p.register_post_accumulate_grad_hook(held.note_gradient) for p in learning]
    mixed = config.mixed_precision != "no"
    autocast = torch.autocast("cpu", torch_dtype(config.mixed_precision)) if mixed else torch.enable_grad()
    with held:
        for _ in range(min(config.gradient_accumulation_steps, 2)):  # from the second on, gradients are there
            with autocast:
                loss = stage.loss(stage.network, batch, draws)
            loss.backward()
            del loss
    for hook in hooks:
        hook.remove()
    for parameter in learning:
        parameter.grad = None
    return held.peak


class _Held(TorchDispatchMode):
    """Counts the bytes of all tensors that are made, until they are released; views cost nothing."""

    def __init__(self, there_before: Sequence[torch.Tensor]) -> None:
        super().__init__()
        self._known = {tensor.untyped_storage()._cdata for tensor in there_before}
        self._live = self._gradients = 0
        self._seen: set[nn.Parameter] = set()
        self.peak = Peak(0, 0)

    def __torch_dispatch__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = function(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, torch.Tensor):
                self._note(tensor.untyped_storage())
        return result

    def note_gradient(self, parameter: nn.Parameter) -> None:
        if parameter not in self._seen:
            self._seen.add(parameter)
            self._gradients += parameter.grad.nbytes

    def _note(self, storage: torch.UntypedStorage) -> None:
        if storage._cdata in self._known:
            return
        self._known.add(storage._cdata)
        self._live += storage.nbytes()
        weakref.finalize(storage, self._release, storage._cdata, storage.nbytes())
        if self._live > self.peak.live:
            self.peak = Peak(self._live, self._gradients)

    def _release(self, key: int, size: int) -> None:
        self._known.discard(key)
        self._live -= size


class _AnyNumbers(Draws):
    """Numbers of the right shapes."""

    def __init__(self, count: int) -> None:
        self.count = count

    def uniform(self) -> torch.Tensor:
        return torch.zeros(self.count)

    def normal(self, *shape: int) -> torch.Tensor:
        return torch.zeros(self.count, *shape)

    def clip_noise(self, *shape: int, share: float) -> torch.Tensor:
        return self.normal(*shape)


def _sketch(config: TrainConfig) -> Any:
    from fyp_core.training.diffusion import DiffusionStage

    stage = stage_class(config)
    if not issubclass(stage, DiffusionStage):
        raise InputError(f"There are no estimates for the {config.stage} stage; leave out --dry-run.")
    return stage(config, with_weights=False)


def _learning_table(config: TrainConfig) -> list[str]:
    """Groups of parameters that learn, with their numbers."""
    with FakeTensorMode():
        stage = _sketch(config)
        named = list(stage.network.named_parameters())
    modules = config.trainable_modules or stage.learns
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
