"""Data that people have, as data sets a stage trains on.

==========  ==============================================================  ================
kind        path                                                            described in
==========  ==============================================================  ================
``world``   none: the procedural world                                      ``world``
``images``  a folder of pictures, captions and keypoints beside them        ``image_folder``
``clips``   a CSV or JSON Lines table of ``path,caption``                   ``clips``
==========  ==============================================================  ================
"""

from __future__ import annotations

from torch.utils.data import Dataset

from errors import InputError
from fyp_core.training.data.bad_files import BadFiles
from fyp_core.training.data.clips import ClipTable, Sampling
from fyp_core.training.data.config import SourceConfig
from fyp_core.training.data.image_folder import ImageFolder
from fyp_core.training.data.samples import EndlessDataset, Source
from fyp_core.training.data.world import WorldDataset

__all__ = ["BadFiles", "SourceConfig", "open_dataset"]


def open_dataset(
    config: SourceConfig,
    *,
    size: tuple[int, int],
    frames: int | None,
    with_skeleton: bool,
    seed: int,
    bad_files: BadFiles | None = None,
) -> Dataset:
    """Open what the settings describe, without end: item i, for every i, is always the same sample.

    A sample that cannot be used is skipped and listed in ``bad_files``; ``bad_files.tell()`` at the end of a run
    says how many.

    Args:
        size: height and width in pixels: the shorter side is resized, the centre cropped.
        frames: of a clip (stage 2); None for single pictures (stage 1).
        with_skeleton: single pictures come with their skeleton.
        seed: of the order and of what is drawn.
        bad_files: where to list; by default in memory.

    Returns:
        A map-style data set of dicts: ``pixels`` float32 (3, H, W), or (3, F, H, W) for clips, in -1..1;
        ``caption`` str; on request ``skeleton`` float32 (3, H, W) RGB in 0..1.

    Raises:
        InputError: the source is missing or of another kind, or nothing in it can be used.
    """
    if config.kind == "world":
        style = {"style_probability": config.style_probability, "styles": config.styles}
        return WorldDataset(size, frames, seed, with_skeleton=with_skeleton, **style)
    if frames is None:
        source = _open_pictures(config, size, with_skeleton)
    else:
        source = _open_clips(
            config, Sampling(frames, config.sample_frame_rate, config.sample_start_idx, size)
        )
    return EndlessDataset(source, seed, bad_files or BadFiles())


def _open_pictures(config: SourceConfig, size: tuple[int, int], with_skeleton: bool) -> Source:
    match config.kind:
        case "images":
            return ImageFolder(config.path, size, config.caption_column, with_skeleton=with_skeleton)
    raise _wrong_kind(config.kind, "pictures", "world", "images")


def _open_clips(config: SourceConfig, sampling: Sampling) -> Source:
    match config.kind:
        case "clips":
            return ClipTable(config.path, sampling, config.path_column, config.caption_column)
    raise _wrong_kind(config.kind, "clips", "world", "clips")


def _wrong_kind(kind: str, wanted: str, *kinds: str) -> InputError:
    return InputError(
        f"train_data.kind is {kind!r}, but this stage learns from {wanted}: choose {', '.join(kinds)}."
    )
