"""Follow Your Pose: pose-guided text-to-video generation (Ma et al., AAAI 2024, arXiv 2304.01186)."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fyp_core.generation.device import Runtime
    from fyp_core.generation.engine import Engine
    from fyp_core.generation.output import save_video
    from fyp_core.generation.request import GenerationRequest
    from fyp_core.pipeline import FollowYourPosePipeline
    from fyp_core.pose_encoder import PoseEncoder
    from fyp_core.unet import PoseVideoUNet
    from fyp_core.weights.sources import Additions, Lora

__all__ = [
    "Additions",
    "Engine",
    "FollowYourPosePipeline",
    "GenerationRequest",
    "Lora",
    "PoseEncoder",
    "PoseVideoUNet",
    "Runtime",
    "save_video",
]

# torch and diffusers take seconds to import; a command line that only prints its help does not need them.
_MODULE_OF = {
    "Additions": "fyp_core.weights.sources",
    "Engine": "fyp_core.generation.engine",
    "FollowYourPosePipeline": "fyp_core.pipeline",
    "GenerationRequest": "fyp_core.generation.request",
    "Lora": "fyp_core.weights.sources",
    "PoseEncoder": "fyp_core.pose_encoder",
    "PoseVideoUNet": "fyp_core.unet",
    "Runtime": "fyp_core.generation.device",
    "save_video": "fyp_core.generation.output",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'fyp_core' has no attribute {name!r}")
    return getattr(import_module(_MODULE_OF[name]), name)
