"""Follow Your Pose: pose-guided text-to-video generation (Ma et al., AAAI 2024, arXiv 2304.01186)."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fyp_core.pipeline import FollowYourPosePipeline
    from fyp_core.pose_encoder import PoseEncoder
    from fyp_core.unet import PoseVideoUNet

__all__ = ["FollowYourPosePipeline", "PoseEncoder", "PoseVideoUNet"]

# torch and diffusers take seconds to import; a command line that only prints its help must not pay for them.
_MODULE_OF = {
    "FollowYourPosePipeline": "fyp_core.pipeline",
    "PoseEncoder": "fyp_core.pose_encoder",
    "PoseVideoUNet": "fyp_core.unet",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'fyp_core' has no attribute {name!r}")
    return getattr(import_module(_MODULE_OF[name]), name)
