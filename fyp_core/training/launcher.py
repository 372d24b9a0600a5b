"""Several processes on CPUs, and signals, for programs started by accelerate's launcher.

accelerate (1.15) starts several processes on CPUs through ``mpirun`` only; without it the requested number is ignored
and no variable of the environment holds it. Here the one process it starts reads the launcher's command line and
replaces itself by torchrun with that number. And a signal to the launcher ends the launcher only, not its processes.
"""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import psutil
from accelerate.commands.config import config_args
from accelerate.commands.launch import launch_command_parser
from accelerate.utils import parse_flag_from_env

_LAUNCHERS = (["accelerate", "launch"], ["accelerate-launch"], ["-m", "accelerate.commands.launch"])
_SET_FOR_SEVERAL_PROCESSES = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "OMPI_COMM_WORLD_SIZE", "PMI_SIZE")
_PROCESSES = ("num_processes", "num_machines", "machine_rank", "main_process_ip", "main_process_port")


def relaunch_with_requested_processes(arguments: Sequence[str]) -> None:
    """If accelerate's launcher was asked for several processes on the CPU, replace this one by torchrun.

    Args:
        arguments: of this program.
    """
    launcher = _launcher()
    alone = not any(name in os.environ for name in _SET_FOR_SEVERAL_PROCESSES)
    if launcher is None or not alone or not parse_flag_from_env("ACCELERATE_USE_CPU"):
        return
    if torchrun := torchrun_options(_arguments(launcher) or []):
        program = [sys.executable, "-m", "torch.distributed.run", *torchrun, sys.argv[0], *arguments]
        os.execv(sys.executable, program)


def launcher_has_ended() -> bool:
    """Whether accelerate's launcher started this process and has ended since."""
    launcher = _launcher()
    return launcher is not None and launcher not in psutil.Process().parents()


def launcher_arguments(command: Sequence[str]) -> list[str] | None:
    """The arguments of accelerate's launcher in a command line; None if it starts another program."""
    words = [Path(word).name for word in command[1:3]]
    for launcher in _LAUNCHERS:
        if words[: len(launcher)] == launcher:
            return list(command[1 + len(launcher) :])
    return None


def torchrun_options(arguments: Sequence[str]) -> list[str]:
    """Options for torchrun to start what accelerate's launcher was asked for on this machine; empty for one process.

    Args:
        arguments: of accelerate's launcher.
    """
    options = _with_saved(launch_command_parser().parse_known_args(arguments)[0])
    machines = options.num_machines or 1
    count = max((options.num_processes or 1) // machines, 1)  # accelerate counts those of all machines
    if machines > 1:
        return [
            f"--nnodes={machines}",
            f"--node_rank={options.machine_rank or 0}",
            f"--master_addr={options.main_process_ip}",
            f"--master_port={options.main_process_port}",
            f"--nproc_per_node={count}",
        ]
    return ["--standalone", f"--nproc_per_node={count}"] if count > 1 else []


@cache  # as it was when the program started
def _launcher() -> psutil.Process | None:
    """accelerate's launcher, which started this process or the torchrun that did."""
    above = psutil.Process().parents()[:2]
    return next((process for process in above if _arguments(process) is not None), None)


def _arguments(process: psutil.Process) -> list[str] | None:
    try:
        return launcher_arguments(process.cmdline())
    except psutil.Error:  # it is another user's, or has ended
        return None


def _with_saved(options: Namespace) -> Namespace:
    """Options the command line does not set, as ``accelerate config`` saved them, where accelerate reads that."""
    if options.config_file or (not options.cpu and os.path.isfile(config_args.default_config_file)):
        saved = config_args.load_config_from_file(options.config_file)
        for name in _PROCESSES:
            if getattr(options, name) is None:
                setattr(options, name, getattr(saved, name))
    return options
