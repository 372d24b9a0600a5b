"""Video files to frames.

Frames are (H, W, 3) uint8 RGB arrays, upright, with square pixels and alpha composited over black.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from pathlib import Path
from types import TracebackType

import av
import cv2
import numpy as np
from av.video.frame import PictureType

from fyp_media.container import claimed_rate, clock, make_decoder, moving_stream, open_container, pixel_aspect
from fyp_media.decoded_picture import RgbConverter, display_matrix, shrunk
from fyp_media.errors import InputError
from fyp_media.fit import PictureWindow
from fyp_media.frame_times import FrameTimes, Packet, check_rate

logger = logging.getLogger(__name__)

Crop = tuple[int, int, int, int]
"""Pixels cut off the left, right, top and bottom."""

_NO_CROP = (0, 0, 0, 0)
_TOLERATED_MISSING_END = 0.5  # seconds; the last frame may be shown for a while, and headers are not exact
_SEEKABLE = ("mov", "matroska")  # formats whose index names keyframes; elsewhere decoding begins at the start


@dataclass(frozen=True)
class VideoInfo:
    """What a video is: size in pixels as displayed (upright), frames a second (the mean), length in seconds.

    ``frame_count`` is what decoding gives. ``is_even`` tells whether each frame is shown about equally long.
    """

    width: int
    height: int
    fps: float
    frame_count: int
    duration: float
    is_even: bool


def open_video(path: str | os.PathLike[str]) -> Video:
    """Open a video, to be closed as a file is.

    Its packets are read once, so that counts and times are those of the frames there are; only the first frame is
    decoded.

    Raises:
        InputError: the file is missing, is not a video, holds no picture or too large a one.
    """
    return Video(path)


def probe(path: str | os.PathLike[str]) -> VideoInfo:
    """:attr:`Video.info` of a file; known files that have not changed are not read again.

    Raises:
        InputError: see :func:`open_video`.
    """
    try:
        state = os.stat(path)
    except OSError:
        with open_video(path) as video:  # says what is wrong
            return video.info
    return _probed(os.fspath(path), state.st_ino, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=64)
def _probed(path: str, _file: int, _modified: int, _size: int) -> VideoInfo:
    with open_video(path) as video:
        return video.info


def read_frames(path: str | os.PathLike[str], *, fps: float | None = None) -> Iterator[np.ndarray]:
    """:meth:`Video.frames` of a file; errors are raised at the first frame."""
    with open_video(path) as video:
        yield from video.frames(fps=fps)


def sample_frames(
    path: str | os.PathLike[str],
    count: int,
    *,
    stride: int = 1,
    start: int = 0,
    crop: Crop = _NO_CROP,
    fps: float | None = None,
) -> np.ndarray:
    """:meth:`Video.sample` of a file."""
    with open_video(path) as video:
        return video.sample(count, stride=stride, start=start, crop=crop, fps=fps)


class Video:
    """An open video; see :func:`open_video`. Its frames are read by one reader at a time."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.name = Path(path).name
        self._path = path
        self._open()
        try:
            self._times, first = self._scan()
            size = round(first.width * pixel_aspect(self._stream)), first.height
            self._converter = RgbConverter(size, display_matrix(first))
        except BaseException:
            self.close()
            raise
        width, height = self._converter.shown_size
        times = self._times
        self.info = VideoInfo(
            width, height, times.fps, len(times), len(times) / times.fps, is_even=times.is_even
        )

    def __enter__(self) -> Video:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._container.close()

    def frames(
        self,
        *,
        fps: float | None = None,
        longest_side: int | None = None,
        on_decoded: Callable[[], None] | None = None,
    ) -> Iterator[np.ndarray]:
        """Decode frame by frame, in the order shown, holding one frame at a time.

        Args:
            fps: take the frame shown at each multiple of 1 / fps seconds, whatever the video's own rate and even
                where that varies; by default every frame once.
            longest_side: pixels; larger frames are shrunk to it.
            on_decoded: called after each frame decoded, taken or not; what it raises ends the reading.

        Yields:
            (H, W, 3) uint8 RGB.

        Raises:
            InputError: after the last readable frame when the file is cut off. The rate is not possible.
        """
        check_rate(fps)
        decoded = self._decoded(0, on_decoded)
        pictures = _picked(decoded, self._times.at_rate(fps)) if fps else (picture for _, picture in decoded)
        for picture in pictures:
            yield self._converter.to_rgb(picture, longest_side)
        for _ in decoded:  # tells whether the end is missing
            pass

    def sampled(
        self,
        count: int,
        *,
        stride: int = 1,
        start: int = 0,
        crop: Crop = _NO_CROP,
        fps: float | None = None,
        longest_side: int | None = None,
        on_decoded: Callable[[], None] | None = None,
    ) -> Iterator[np.ndarray]:
        """Frames ``start, start + stride, ...``, one at a time; the first is reached by its keyframe.

        Where frames are shown unequally long, those shown at even times are counted.

        Args:
            count: number of frames, at least 1.
            stride: distance between two frames taken, at least 1.
            start: index of the first frame taken, at least 0.
            crop: cut off the upright picture, before it is shrunk.
            fps: count frames at this rate instead of the video's own.
            longest_side, on_decoded: see :meth:`frames`.

        Returns:
            ``count`` arrays (H, W, 3) uint8 RGB.

        Raises:
            InputError: at once where a number is out of range, the crop leaves nothing or the video is too short;
                while reading where a frame is not readable.
        """
        self._check_sampling(count, stride, start, crop, fps)
        rate = fps or (None if self.info.is_even else self.info.fps)
        available = self._times.at_rate(rate) if rate else range(len(self._times))
        if start + (count - 1) * stride >= len(available):
            raise InputError(_too_short(self.name, len(available), count, stride, start))
        indices = available[start : start + (count - 1) * stride + 1 : stride]
        return self._convert(indices, crop, longest_side, on_decoded)

    def sample(
        self,
        count: int,
        *,
        stride: int = 1,
        start: int = 0,
        crop: Crop = _NO_CROP,
        fps: float | None = None,
        window: PictureWindow | None = None,
        on_decoded: Callable[[], None] | None = None,
    ) -> np.ndarray:
        """The frames of :meth:`sampled` in one array, on request fitted to a window as they are read.

        Args:
            window: what is shown of the cropped picture, and how large.

        Returns:
            (count, H, W, 3) uint8 RGB.

        Raises:
            InputError: as :meth:`sampled`, or memory does not suffice.
        """
        self._check_sampling(count, stride, start, crop, fps)
        height, width = window.size if window else self.cropped_size(crop)
        frames = _allocate(count, height, width)
        taken = self.sampled(count, stride=stride, start=start, crop=crop, fps=fps, on_decoded=on_decoded)
        for target, frame in zip(frames, taken):
            target[:] = window.cut(frame) if window else frame
        return frames

    def cropped_size(self, crop: Crop) -> tuple[int, int]:
        """Height and width that a crop leaves.

        Raises:
            InputError: nothing is left.
        """
        left, right, top, bottom = crop
        width, height = self.info.width, self.info.height
        if min(crop) < 0 or left + right >= width or top + bottom >= height:
            raise InputError(
                f"The crop {left},{right},{top},{bottom} does not fit the {width}x{height} picture;"
                " give pixels to cut off its left, right, top and bottom."
            )
        return height - top - bottom, width - left - right

    def _check_sampling(self, count: int, stride: int, start: int, crop: Crop, fps: float | None) -> None:
        check_rate(fps)
        for name, value, least in (("count", count, 1), ("stride", stride, 1), ("start", start, 0)):
            if value < least:
                raise InputError(f"The frame {name} is {value}, but must be at least {least}.")
        self.cropped_size(crop)

    def _convert(
        self,
        indices: Sequence[int],
        crop: Crop,
        longest_side: int | None,
        on_decoded: Callable[[], None] | None,
    ) -> Iterator[np.ndarray]:
        left, right, top, bottom = crop
        for picture in _picked(self._decoded(indices[0], on_decoded), indices):
            if crop == _NO_CROP:
                yield self._converter.to_rgb(picture, longest_side)
                continue
            frame = self._converter.to_rgb(picture)
            frame = frame[top : frame.shape[0] - bottom, left : frame.shape[1] - right]
            yield _shrink(frame, longest_side)

    def _open(self) -> None:
        self._container = open_container(self._path)
        self._stream = moving_stream(self._container)
        self._decoder = make_decoder(self._stream)

    def _scan(self) -> tuple[FrameTimes, av.VideoFrame]:
        """The times of all packets, and the first picture."""
        packets: list[Packet] = []
        first: av.VideoFrame | None = None
        with contextlib.suppress(av.FFmpegError):  # a damaged file counts as far as it can be read
            for packet in self._container.demux(self._stream):
                if packet.size:
                    packets.append(Packet(packet.pts, packet.duration, packet.is_keyframe, packet.is_discard))
                if first is None:
                    with contextlib.suppress(av.FFmpegError):
                        first = next(iter(self._decoder.decode(packet)), None)
        if first is None:
            raise InputError(_cut_off(self.name, 0))
        times = FrameTimes.from_packets(packets, clock(self._stream), claimed_rate(self._stream))
        return times, first

    def _decoded(
        self, start: int, on_decoded: Callable[[], None] | None
    ) -> Iterator[tuple[int, av.VideoFrame]]:
        """Index and picture from a frame, or some before it, to the end.

        Raises:
            InputError: where the file is cut off.
        """
        keyframe = self._keyframe_before(start)
        pictures = self._decoded_from(keyframe)
        first = next(pictures, None)
        if keyframe is not None and not _is_clean(first, keyframe):
            pictures = self._decoded_from(None)
            first = next(pictures, None)
        if first is None:
            raise InputError(_cut_off(self.name, 0))
        for indexed in chain([first], pictures):
            if on_decoded:
                on_decoded()
            yield indexed

    def _keyframe_before(self, index: int) -> int | None:
        """The tick of the keyframe to begin with; None where decoding has to begin at the start."""
        has_index = self._container.format.name.startswith(_SEEKABLE)
        return self._times.keyframe_before(index) if has_index and self._times.is_timed else None

    def _decoded_from(self, keyframe: int | None) -> Iterator[tuple[int, av.VideoFrame]]:
        """Index and picture from a keyframe, or from the start, to the end."""
        count = 0
        try:
            if keyframe is None:
                self._container.close()
                self._open()
            else:
                self._container.seek(keyframe, stream=self._stream)
                self._decoder.flush_buffers()
            for picture in self._pictures():
                if keyframe is not None and picture.pts is not None and picture.pts < keyframe:
                    continue  # shown before the keyframe, it depends on what comes before that
                is_known = self._times.is_timed and picture.pts is not None
                yield self._times.index_at(picture.pts or 0) if is_known else count, picture
                count += 1
        except (av.FFmpegError, EOFError) as error:
            raise InputError(_cut_off(self.name, count)) from error

    def _pictures(self) -> Iterator[av.VideoFrame]:
        """Decoded pictures. Damaged stretches are skipped, a missing end raises EOFError or FFmpegError."""
        tick = clock(self._stream)
        damage = None
        until = 0
        for packet in self._container.demux(self._stream):
            until = max(until, (packet.pts or 0) + (packet.duration or 0))
            try:
                pictures = self._decoder.decode(packet)
            except av.FFmpegError as error:
                damage = error
                continue
            if damage and pictures:
                logger.warning("Frames are missing before %.2f s: %s", until * tick, damage)
                damage = None
            yield from pictures
        if damage:
            raise damage
        unseen = ((self._stream.start_time or 0) + (self._stream.duration or 0) - until) * tick
        if unseen > _TOLERATED_MISSING_END:
            raise EOFError(f"the file ends {float(unseen):.2f} s early")


def _is_clean(first: tuple[int, av.VideoFrame] | None, keyframe: int) -> bool:
    """Whether decoding begins with a whole picture at the keyframe; some streams refresh theirs bit by bit."""
    return first is not None and first[1].pts == keyframe and first[1].pict_type == PictureType.I


def _picked(decoded: Iterator[tuple[int, av.VideoFrame]], wanted: Sequence[int]) -> Iterator[av.VideoFrame]:
    """The pictures of ascending indices; for one that could not be decoded, the picture shown before it."""
    position = 0
    shown = None
    for index, picture in decoded:
        while shown is not None and position < len(wanted) and wanted[position] < index:
            yield shown
            position += 1
        shown = picture
        while position < len(wanted) and wanted[position] == index:
            yield picture
            position += 1
        if position == len(wanted):
            return
    if shown is not None:
        for _ in wanted[position:]:
            yield shown


def _shrink(frame: np.ndarray, longest_side: int | None) -> np.ndarray:
    height, width = shrunk(frame.shape[:2], longest_side)
    if (height, width) == frame.shape[:2]:
        return frame
    return cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA)


def _allocate(count: int, height: int, width: int) -> np.ndarray:
    try:
        return np.empty((count, height, width, 3), np.uint8)
    except (MemoryError, ValueError) as error:  # the latter beyond what an address reaches
        raise InputError(
            f"Memory does not suffice for {count} frames of {width}x{height}; take fewer."
        ) from error


def _cut_off(name: str, count: int) -> str:
    return f"{name} is damaged or cut off after {count} frames; export it again."


def _too_short(name: str, available: int, count: int, stride: int, start: int) -> str:
    needed = start + (count - 1) * stride + 1
    message = (
        f"{name} has {available} frames, but {count} at stride {stride} from frame {start} need {needed}"
    )
    if start >= available:
        return f"{message}; start at frame {available - 1} or earlier."
    most_frames = (available - start - 1) // stride + 1
    advice = f"; take at most {most_frames} frames"
    if count > 1 and (widest := (available - start - 1) // (count - 1)):
        advice += f" or a stride of at most {widest}"
    return f"{message}{advice}."
