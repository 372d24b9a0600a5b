"""``accelerate launch --cpu --num_processes N`` starts one process; here it becomes the N that were asked for.

accelerate (1.15) starts several processes on CPUs through ``mpirun`` only and otherwise says nothing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import psutil
from accelerate.commands.launch import launch_command_parser
from accelerate.utils import parse_flag_from_env

_SET_BY_LAUNCHERS_OF_MANY = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "OMPI_COMM_WORLD_SIZE", "PMI_SIZE")


def become_processes_asked_for(arguments: Sequence[str]) -> None:
    """Where accelerate's launcher was told to start several processes on the CPU, replace this one by torchrun.

    Args:
        arguments: of this program.
    """
    if not parse_flag_from_env("ACCELERATE_USE_CPU") or any(
        name in os.environ for name in _SET_BY_LAUNCHERS_OF_MANY
    ):
        return
    count = asked_for(psutil.Process().parent().cmdline())
    if count > 1:
        torchrun = [
            sys.executable,
            "-m",
            "torch.distributed.run",
            "--standalone",
            f"--nproc_per_node={count}",
        ]
        os.execv(sys.executable, [*torchrun, sys.argv[0], *arguments])


def asked_for(command: Sequence[str]) -> int:
    """How many processes a command line of ``accelerate launch`` asks for; 1 for any other command."""
    _, *program = (Path(word).name for word in command[:3])
    if program not in (["accelerate", "launch"], ["-m", "accelerate.commands.launch"]):
        return 1
    return launch_command_parser().parse_known_args(list(command[3:]))[0].num_processes or 1
