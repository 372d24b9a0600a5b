"""Motion in files: keypoints read and written, skeleton videos written."""

import hashlib
import json
import os
import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fyp_media.errors import InputError
from fyp_media.files import file_hash, replacing
from fyp_media.frame_times import check_rate
from fyp_media.write_video import VIDEO_SUFFIXES, write_video
from pose_extraction.keypoint_files.coco import to_coco
from pose_extraction.keypoint_files.people import PeopleByFrame, natural_key, to_motion
from pose_extraction.keypoint_files.recognise import read_document
from pose_extraction.motion.edit import sample
from pose_extraction.motion.motion import Motion
from pose_extraction.skeleton import SCORE_THRESHOLD

KEYPOINT_SUFFIX = ".json"
_PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")


def is_motion(path: str | os.PathLike[str]) -> bool:
    """Whether a path names keypoints rather than a video."""
    return os.path.isdir(path) or Path(path).suffix.lower() == KEYPOINT_SUFFIX


def read_motion(path: str | os.PathLike[str], fps: float | None = None) -> Motion:
    """Read keypoints: a JSON file in any format of :mod:`pose_extraction.keypoint_files`, or a folder of frames.

    Args:
        fps: the frame rate of a file that does not state one (25 by default); a file that states one is sampled at this
            rate.

    Raises:
        InputError: no keypoints in a known format, or nobody in them. The rate is not possible.
    """
    check_rate(fps)
    file = Path(path)
    if not file.exists():
        raise InputError(f"There is no file {file}; check the path.")
    people = _read_folder(file) if file.is_dir() else read_document(_load(file), file.name)
    try:
        motion = to_motion(people, fps)
    except InputError as error:
        raise InputError(f"{file.name}: {error}") from error
    if not (motion.scores >= SCORE_THRESHOLD).any():
        unsure = f", as no joint has a score of {SCORE_THRESHOLD:g} or more" if motion.present.any() else ""
        raise InputError(
            f"{file.name} shows nobody in any frame{unsure}; choose keypoints with a person in them."
        )
    return sample(motion, fps) if fps and people.fps else motion


def frame_files(folder: Path) -> list[Path]:
    """The JSON files of a folder in the order of the frames, whose numbers need not be padded with zeros."""
    files = [
        file
        for file in folder.iterdir()
        if file.suffix.lower() == KEYPOINT_SUFFIX and not file.name.startswith(".") and file.is_file()
    ]
    return sorted(files, key=lambda file: natural_key(file.name))


def motion_hash(path: Path) -> str:
    """SHA-256 in hexadecimal of a file, or of the hashes of a folder's files in the order of the frames."""
    if path.is_file():
        return file_hash(path)
    return hashlib.sha256("".join(map(file_hash, frame_files(path))).encode()).hexdigest()


def _read_folder(folder: Path) -> PeopleByFrame:
    """A file a frame, as OpenPose writes them; a single file may hold all frames."""
    files = frame_files(folder)
    if not files:
        raise InputError(
            f"{folder} holds {_no_frames(folder)}; choose a folder that OpenPose wrote with --write_json."
        )
    pages = [_read_page(file) for file in files]
    if len(pages) == 1:
        return pages[0]
    for file, page in zip(files, pages):
        if len(page.frames) != 1:
            raise InputError(
                f"{file.name} holds {len(page.frames)} frames, but in a folder each file is one frame;"
                " give that file alone, or take it out of the folder."
            )
    _check_series(folder, files)
    size = next((page.size for page in pages if page.size), None)
    return PeopleByFrame([page.frames[0] for page in pages], size)


def _no_frames(folder: Path) -> str:
    """What a folder holds that has no JSON files."""
    if any(file.suffix.lower() in _PICTURES for file in folder.iterdir()):
        return "pictures, of which a video can be made (with FFmpeg, for example), but no JSON files"
    return "no JSON files"


def _check_series(folder: Path, files: Sequence[Path]) -> None:
    """Raise InputError for files whose names are not those of one video's frames."""
    series = defaultdict(list)
    for file in files:
        series[re.sub(r"\d+", "", file.stem.lower())].append(file.name)
    first, *others = sorted(series.values(), key=len, reverse=True)
    if len(first) > 1 and others:
        raise InputError(
            f"{folder} holds frames of several videos or other files, such as {first[0]} and {others[0][0]}; leave"
            " those of one video in it."
        )


def _read_page(file: Path) -> PeopleByFrame:
    """One of the files of a folder."""
    try:
        return read_document(_load(file), file.name)
    except InputError as error:
        raise InputError(f"{str(error).rstrip('.')}, or take that file out of the folder.") from error


def _load(file: Path) -> Any:
    try:
        return json.loads(file.read_bytes())  # UTF-8, UTF-16 or UTF-32, with or without a byte order mark
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{file.name} cannot be read as JSON; write it again.") from error


def write_motion(motion: Motion, path: str | os.PathLike[str], *, estimator: str | None = None) -> None:
    """Write keypoints (.json, COCO's format) or the skeleton video (.mp4, .m4v, .mov). Complete or not at all.

    Raises:
        InputError: another ending, or the place cannot be written.
    """
    suffix = Path(path).suffix.lower()
    if suffix == KEYPOINT_SUFFIX:
        with replacing(path) as document:
            Path(document).write_text(json.dumps(to_coco(motion, estimator)), encoding="utf-8")
    else:
        write_video(path, motion.draw(), motion.fps)


TARGET_SUFFIXES = (*VIDEO_SUFFIXES, KEYPOINT_SUFFIX)
