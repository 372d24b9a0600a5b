"""Data sets of users' own data; each module describes one format.

==============  ===========================================================  ================
kind            path                                                         described in
==============  ===========================================================  ================
``images``      a folder of pictures, captions and keypoints beside them     ``image_folder``
``clips``       a CSV or JSON Lines table of ``path,caption``                ``clips``
``webdataset``  shards of pictures or of clips, here or by address           ``shards``
``hf``          a data set of the Hugging Face hub, or a local one           ``huggingface``
==============  ===========================================================  ================
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch.utils.data import Dataset

from fyp_core.training.config import (
    ClipShardsData,
    ClipTableData,
    HubData,
    ImageFolderData,
    OwnClips,
    OwnData,
    PictureShardsData,
)
from fyp_core.training.data.bad_files import BadFiles
from fyp_core.training.data.samples import EndlessDataset, Source
from fyp_core.training.data.streams import Stream, StreamedDataset
from fyp_media.errors import InputError

if TYPE_CHECKING:
    from fyp_core.training.data.clips import ClipSampling

__all__ = ["BadFiles", "open_dataset"]


def open_dataset(
    data: OwnData, *, with_skeleton: bool, seed: int, bad_files: BadFiles | None = None
) -> Dataset:
    """Open the data that the settings describe as an endless data set: item i is always the same sample.

    A sample that cannot be used is skipped and listed in ``bad_files``; ``bad_files.log_summary()`` at the end of a run
    says how many.

    Args:
        with_skeleton: single pictures come with their skeleton.
        seed: of the order and of random choices.
        bad_files: the list; by default in memory.

    Returns:
        A map-style data set of dicts: ``pixels`` float32 (3, H, W), or (3, F, H, W) for clips, in -1..1;
        ``caption`` str; on request ``skeleton`` float32 (3, H, W) RGB in 0..1.

    Raises:
        InputError: the source is missing or of another kind, or nothing in it can be used.
    """
    bad_files = bad_files or BadFiles()
    source = _open_source(data, bad_files, with_skeleton=with_skeleton)
    if isinstance(source, Stream):
        return StreamedDataset(source, seed, bad_files)
    return EndlessDataset(source, seed, bad_files)


def _open_source(data: OwnData, bad_files: BadFiles, *, with_skeleton: bool) -> Source | Stream:
    size = (data.height, data.width)
    match data:  # each kind imports its own libraries, which the others do not need
        case ImageFolderData():
            from fyp_core.training.data.image_folder import ImageFolder

            return ImageFolder(data.path, size, data.caption_column, with_skeleton=with_skeleton)
        case ClipTableData():
            from fyp_core.training.data.clips import ClipTable

            return ClipTable(data.path, _sampling(data), data.path_column, data.caption_column)
        case HubData():
            return _open_hub(data, size, with_skeleton=with_skeleton)
        case PictureShardsData() | ClipShardsData():
            return _open_shards(data, size, bad_files, with_skeleton=with_skeleton)
    raise TypeError(f"{type(data).__name__} is no source of samples")


def _open_shards(
    data: PictureShardsData | ClipShardsData,
    size: tuple[int, int],
    bad_files: BadFiles,
    *,
    with_skeleton: bool,
) -> Source | Stream:
    from fyp_core.training.data.shards import ClipDecoder, PictureDecoder, open_shards

    decoder = (
        ClipDecoder(_sampling(data), data.caption_column)
        if isinstance(data, ClipShardsData)
        else PictureDecoder(size, data.caption_column, with_skeleton)
    )
    return open_shards(data.path, decoder, bad_files, data.shuffle_buffer)


def _sampling(data: OwnClips) -> ClipSampling:
    from fyp_core.training.data.clips import ClipSampling

    size = (data.height, data.width)
    return ClipSampling(data.n_sample_frames, data.sample_frame_rate, data.sample_start_idx, size)


def _open_hub(data: HubData, size: tuple[int, int], *, with_skeleton: bool) -> Source | Stream:
    try:
        from fyp_core.training.data.huggingface import open_rows
    except ModuleNotFoundError as error:
        raise InputError(
            f"train_data.kind 'hf' needs a library ({error}); install it: pip install -r requirements-data.txt"
        ) from error
    return open_rows(data, size, with_skeleton=with_skeleton)
