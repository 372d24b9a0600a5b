"""Keypoints in files: our own (COCO's format) written and read, those of other tools read.

A format is a file of this package: ``coco``, ``coco_results``, ``openpose``, ``comfyui``, ``alphapose``, ``mmpose``.
``recognise`` picks the one that a document is in.
"""

from pose_extraction.keypoint_files.files import (
    KEYPOINT_SUFFIX,
    TARGET_SUFFIXES,
    is_motion,
    motion_hash,
    read_motion,
    write_motion,
)

__all__ = ["KEYPOINT_SUFFIX", "TARGET_SUFFIXES", "is_motion", "motion_hash", "read_motion", "write_motion"]
