"""``train_followyourpose.py`` with its weights shared out by FSDP, which accelerate does on accelerators only.

PyTorch does it on CPUs as well: here accelerate takes them for GPUs where it decides that.
"""

import runpy
import sys
from typing import Any

from accelerate.state import PartialState
from accelerate.utils import DistributedType

from tests.end_to_end.conftest import ROOT

TRAIN = str(ROOT / "train_followyourpose.py")
find_processes = PartialState.__init__


def find_gpus(state: PartialState, *arguments: Any, **settings: Any) -> None:
    find_processes(state, *arguments, **settings)
    if state.distributed_type == DistributedType.MULTI_CPU:
        PartialState._shared_state["distributed_type"] = DistributedType.MULTI_GPU


PartialState.__init__ = find_gpus
sys.argv[0] = TRAIN
runpy.run_path(TRAIN, run_name="__main__")
