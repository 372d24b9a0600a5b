"""Skeleton videos as people bring them: recognised, and put into the model's style."""

from pose_extraction.skeleton_style.kind import Kind, kind_of
from pose_extraction.skeleton_style.style import in_our_style

__all__ = ["Kind", "in_our_style", "kind_of"]
