"""Another body for the people of a motion: named, given by factors, or taken from keypoints of another person."""

from __future__ import annotations

from pose_extraction.keypoint_files.files import is_motion, read_motion
from pose_extraction.motion.edit import BODIES, LIMBS, parse_proportions, proportions_like, retarget
from pose_extraction.motion.motion import Motion

BODY_IN_WORDS = f"{' or '.join(BODIES)}, or factors such as legs=1.3,arms=0.8 ({', '.join(LIMBS)})"
BODY_HELP = f"{BODY_IN_WORDS}; or keypoints of a person who has the limb lengths wanted"


def check_body(body: str) -> None:
    """Raise InputError unless :func:`with_body` takes this name of a body."""
    if not is_motion(body):
        parse_proportions(body)


def with_body(motion: Motion, body: str) -> Motion:
    """Give people another body; every bone keeps its direction and changes its length.

    Args:
        body: as :func:`pose_extraction.motion.edit.parse_proportions` reads it, or the path of keypoints of a person
            who has it.

    Raises:
        InputError: it is neither, or the keypoints cannot be read.
    """
    if is_motion(body):
        return retarget(motion, proportions_like(motion, read_motion(body)))
    return retarget(motion, parse_proportions(body))
