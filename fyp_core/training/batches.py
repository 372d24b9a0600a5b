"""The batches that each process trains on."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from typing import Any

from accelerate import Accelerator
from accelerate.utils import send_to_device
from torch.utils.data import DataLoader, Dataset

from fyp_media.errors import InputError


class _WithPosition(Dataset):
    """Samples together with their position in the run."""

    def __init__(self, data: Dataset) -> None:
        self.data = data

    def __getitem__(self, position: int) -> dict[str, Any]:
        return {**self.data[position], "position": position}


def own_positions(first: int, last: int, size: int, process: int, processes: int) -> list[list[int]]:
    """The batches of one process among the samples ``first`` to ``last`` - 1 of a run.

    The processes take ``size`` samples each in turn, so that together they see every sample once and in order.
    """
    return [
        list(range(start, start + size)) for start in range(first + process * size, last, size * processes)
    ]


def batches(
    data: Dataset, first: int, last: int, size: int, workers: int, accelerator: Accelerator
) -> Iterator[dict[str, Any]]:
    """The batches of this process, on its device.

    Args:
        data: map-style; item i of it depends on i alone.
        first, last: samples of the run, over all processes, ``last`` excluded.
        size: samples a batch.
        workers: processes that prepare batches ahead; 0 prepares each batch when it is needed.

    Raises:
        InputError: the data cannot be used; also where a worker process found that out.
    """
    loader = DataLoader(
        _WithPosition(data),
        batch_sampler=own_positions(first, last, size, accelerator.process_index, accelerator.num_processes),
        num_workers=workers,
        worker_init_fn=leave_signals_to_parent,
        pin_memory=accelerator.device.type == "cuda",
    )
    try:
        for batch in loader:
            yield send_to_device(batch, accelerator.device, non_blocking=True)
    except InputError as error:  # PyTorch puts the traceback of the worker into its message
        message = str(error).strip().splitlines()[-1]
        raise InputError(message.removeprefix(f"{InputError.__module__}.{InputError.__name__}: ")) from error


def leave_signals_to_parent(worker: int) -> None:
    """For a worker: a terminal interrupts all processes, and the parent still needs the batches of its last step."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "sigwaitinfo"):  # neither on Windows nor on macOS
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        threading.Thread(target=_exit_on_sigterm_of_parent, daemon=True).start()


def _exit_on_sigterm_of_parent() -> None:
    """Exit when the parent sends SIGTERM, as it does at its own exit to workers that an exception refers to."""
    while signal.sigwaitinfo({signal.SIGTERM}).si_pid != os.getppid():
        pass
    os._exit(0)
