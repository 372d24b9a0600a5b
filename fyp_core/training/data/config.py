"""Where the samples of a training run come from, as settings."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class SourceConfig:
    """One source of pictures or clips; ``fyp_core.training.data`` tells which kinds there are.

    The kind ``world`` is the procedural world, which needs no files.
    """

    kind: str = "world"
    path: str = ""
    caption_column: str = "caption"  # of tables, and of JSON beside pictures and clips

    # clips
    path_column: str = "path"  # of tables
    sample_start_idx: int | None = 0  # first frame taken; null draws it anew every time
    sample_frame_rate: int = 1  # every so many frames one is taken

    # hf
    split: str = "train"
    image_column: str = "image"
    keypoints_column: str = "keypoints"
    skeleton_column: str = "skeleton"
    streaming: bool = False

    # webdataset by address, hf streamed
    shuffle_buffer: int = 1000  # samples held to draw from
