"""``train_followyourpose.py`` with its weights shared out, which accelerate does on accelerators only.

FSDP and DeepSpeed themselves run on CPUs as well: here accelerate takes these for GPUs where it decides that.
"""

import runpy
import sys
from typing import Any

from accelerate import Accelerator
from accelerate.state import PartialState
from accelerate.utils import DistributedType, parse_flag_from_env

from tests.end_to_end.conftest import ROOT

TRAIN = str(ROOT / "train_followyourpose.py")
create, find_processes = Accelerator.__init__, PartialState.__init__


def find_gpus(state: PartialState, *arguments: Any, **settings: Any) -> None:
    find_processes(state, *arguments, **settings)
    if state.distributed_type == DistributedType.MULTI_CPU:
        PartialState._shared_state["distributed_type"] = DistributedType.MULTI_GPU


def create_for_gpus(accelerator: Accelerator, **settings: Any) -> None:
    create(accelerator, **settings | {"cpu": False})


if parse_flag_from_env("ACCELERATE_USE_DEEPSPEED"):
    PartialState._prepare_backend = lambda *_: ("gloo", DistributedType.MULTI_CPU)
    Accelerator.__init__ = create_for_gpus
else:
    PartialState.__init__ = find_gpus
sys.argv[0] = TRAIN
runpy.run_path(TRAIN, run_name="__main__")
