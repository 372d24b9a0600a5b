"""Data that people have, as data sets a stage trains on; each module describes one format.

==============  ===========================================================  ================
kind            path                                                         described in
==============  ===========================================================  ================
``images``      a folder of pictures, captions and keypoints beside them     ``image_folder``
``clips``       a CSV or JSON Lines table of ``path,caption``                ``clips``
``webdataset``  shards of pictures or of clips, here or by address           ``shards``
``hf``          a data set of the Hugging Face hub, or a local one           ``hub``
==============  ===========================================================  ================
"""

from __future__ import annotations

from torch.utils.data import Dataset

from fyp_core.training.data.bad_files import BadFiles
from fyp_core.training.data.clips import ClipTable, Sampling
from fyp_core.training.data.config import SourceConfig
from fyp_core.training.data.image_folder import ImageFolder
from fyp_core.training.data.samples import EndlessDataset, Source
from fyp_core.training.data.shards import ClipDecoder, PictureDecoder, open_shards
from fyp_core.training.data.streams import Stream, StreamedDataset
from fyp_media.errors import InputError

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
    bad_files = bad_files or BadFiles()
    if frames is None:
        source = _open_pictures(config, size, bad_files, with_skeleton=with_skeleton)
    else:
        sampling = Sampling(frames, config.sample_frame_rate, config.sample_start_idx, size)
        source = _open_clips(config, sampling, bad_files)
    if isinstance(source, Stream):
        return StreamedDataset(source, seed, bad_files)
    return EndlessDataset(source, seed, bad_files)


def _open_pictures(
    config: SourceConfig, size: tuple[int, int], bad_files: BadFiles, *, with_skeleton: bool
) -> Source | Stream:
    match config.kind:
        case "images":
            return ImageFolder(config.path, size, config.caption_column, with_skeleton=with_skeleton)
        case "webdataset":
            decoder = PictureDecoder(size, config.caption_column, with_skeleton)
            return open_shards(config.path, decoder, bad_files, config.shuffle_buffer)
        case "hf":
            return _open_hub(config, size, with_skeleton=with_skeleton)
    raise _wrong_kind(config.kind, "pictures", "images", "webdataset", "hf")


def _open_clips(config: SourceConfig, sampling: Sampling, bad_files: BadFiles) -> Source | Stream:
    match config.kind:
        case "clips":
            return ClipTable(config.path, sampling, config.path_column, config.caption_column)
        case "webdataset":
            decoder = ClipDecoder(sampling, config.caption_column)
            return open_shards(config.path, decoder, bad_files, config.shuffle_buffer)
    raise _wrong_kind(config.kind, "clips", "clips", "webdataset")


def _open_hub(config: SourceConfig, size: tuple[int, int], *, with_skeleton: bool) -> Source | Stream:
    try:
        from fyp_core.training.data.hub import open_rows
    except ModuleNotFoundError as error:
        raise InputError(
            f"train_data.kind 'hf' needs a library ({error}); install it: pip install -r requirements-data.txt"
        ) from error
    return open_rows(config, size, with_skeleton=with_skeleton)


def _wrong_kind(kind: str, wanted: str, *kinds: str) -> InputError:
    return InputError(
        f"train_data.kind is {kind!r}, but this stage learns from {wanted}: choose {', '.join(kinds)}."
    )
