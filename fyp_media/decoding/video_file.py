"""Frames out of a video file, by FFmpeg's libraries in this process."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.frame import PictureType

from fyp_media.decoding.container import (
    claimed_rate,
    clock,
    make_decoder,
    moving_stream,
    open_container,
    pixel_aspect,
)
from fyp_media.decoding.rgb import RgbConverter, display_matrix, shrunk
from fyp_media.decoding.sound import read_sound
from fyp_media.decoding.video import NO_CROP, Sampling, Video, VideoInfo, frames_from
from fyp_media.errors import InputError
from fyp_media.frame_times import FrameTimes, Packet, check_rate

logger = logging.getLogger(__name__)

_TOLERATED_MISSING_END = 0.5  # seconds; the last frame may be shown for a while, and headers are not exact
_SEEKABLE = ("mov", "matroska")  # formats whose index names keyframes; elsewhere decoding begins at the start


class VideoFile(Video):
    """A video decoded in this process.

    Raises:
        InputError: see :func:`fyp_media.read_video.open_video`.
    """

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

    def close(self) -> None:
        self._container.close()

    def frames(
        self,
        *,
        fps: float | None = None,
        longest_side: int | None = None,
    ) -> Iterator[np.ndarray]:
        check_rate(fps)
        decoded = self._decoded(0, None)
        pictures = _picked(decoded, self._times.at_rate(fps)) if fps else (picture for _, picture in decoded)
        for picture in pictures:
            yield self._converter.to_rgb(picture, longest_side)
        for _ in decoded:  # raises if the end is missing
            pass

    def sampled(
        self,
        sampling: Sampling,
        on_decoded: Callable[[], None] | None = None,
    ) -> Iterator[np.ndarray]:
        self.check_sampling(sampling)
        rate = sampling.fps or (None if self.info.is_even else self.info.fps)
        available = self._times.at_rate(rate) if rate else range(len(self._times))
        if sampling.needed > len(available):
            raise InputError(_too_short(self.name, len(available), sampling))
        indices = [available[number] for number in sampling.numbers]
        return self._convert(indices, sampling, on_decoded)

    def sound(self, start: float, duration: float) -> Iterator[np.ndarray]:
        return read_sound(self._path, start, duration)

    def _convert(
        self, indices: Sequence[int], sampling: Sampling, on_decoded: Callable[[], None] | None
    ) -> Iterator[np.ndarray]:
        left, right, top, bottom = sampling.crop
        for picture in _picked(self._decoded(indices[0], on_decoded), indices):
            if sampling.crop == NO_CROP:
                yield self._converter.to_rgb(picture, sampling.longest_side)
                continue
            frame = self._converter.to_rgb(picture)
            frame = frame[top : frame.shape[0] - bottom, left : frame.shape[1] - right]
            yield _shrink(frame, sampling.longest_side)

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
    """The pictures of ascending indices; where one could not be decoded, the picture shown before it."""
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


def _cut_off(name: str, count: int) -> str:
    return f"{name} is damaged or cut off after {count} frames; export it again."


def _too_short(name: str, available: int, wanted: Sampling) -> str:
    count, stride, start = wanted.count, wanted.stride, wanted.start
    message = f"{name} has {available} frames, but {count} at stride {stride:g} from frame {start} need {wanted.needed}"
    if start >= available:
        return f"{message}; start at frame {available - 1} or earlier."
    most_frames = frames_from(available, stride, start)
    advice = f"; take at most {most_frames} frames"
    if count > 1 and (widest := (available - start - 1) // (count - 1)):
        advice += f" or a stride of at most {widest}"
    return f"{message}{advice}."
