"""Skeleton videos as people bring them: recognised, and put into the model's style.

``kind`` distinguishes them from videos of people, ``palettes`` finds whose colours they have, ``background`` removes
what is behind the lines, ``openpose_drawing`` reads joints from OpenPose's colours; ``style`` combines these.
"""

from pose_extraction.skeleton_style.kind import Kind, kind_of, kind_of_stream
from pose_extraction.skeleton_style.style import Style, in_our_style, recognise_style

__all__ = ["Kind", "Style", "in_our_style", "kind_of", "kind_of_stream", "recognise_style"]
