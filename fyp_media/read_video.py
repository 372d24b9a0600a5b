"""Video files to frames: the only module that opens videos (PyAV, that is FFmpeg's libraries in the process).

Frames are (H, W, 3) uint8 RGB arrays, upright, with square pixels and alpha composited over black.
"""

import contextlib
import gc
import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path

import av
import numpy as np

from fyp_media.errors import InputError
from fyp_media.frame_rate import check_rate

logger = logging.getLogger(__name__)

# FFmpeg also opens playlists, which may name any other file or address, and renders plain text as video:
# uploads must not reach those readers.
_READ_OPTIONS = {
    "protocol_whitelist": "file",
    "format_whitelist": "mov,mp4,matroska,webm,avi,gif,apng,webp,mpegts,mpeg,mpegvideo,m4v,h264,hevc,ivf,flv,"
    "asf,ogg,mxf,dv,nut",
}
_TOLERATED_MISSING_END = 0.5  # seconds; the last frame may be shown for a while, and headers are not exact
_CLOCK_TOLERANCE = 0.002  # seconds; many files count in milliseconds
_TIMED_FRAMES = 200
_MOST_REORDERED = 16
_USUAL_RATE = 25  # where a video tells none
_RATE_TOLERANCE = 0.05  # of the claim

# Decoders have threads, and a forked process has them not: to free there what its parent left as garbage hangs.
if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(before=gc.collect, after_in_child=gc.freeze)


@dataclass(frozen=True)
class VideoInfo:
    """What a video is: size in pixels as displayed (upright), frames a second (the mean), length in seconds.

    ``frame_count`` is None where the file claims none and its frames were not counted.
    ``is_even`` tells whether each frame is shown about equally long, as far as the first ones show.
    """

    width: int
    height: int
    fps: float
    frame_count: int | None
    duration: float
    is_even: bool

    @property
    def estimated_frames(self) -> int:
        """The frame count, where it is not known from the length."""
        return self.frame_count or round(self.duration * self.fps)


def probe(path: str | os.PathLike[str]) -> VideoInfo:
    """Describe a video without decoding more than its first frame.

    Rate, length and frame count are the file's own claims where its first frames bear them out; elsewhere, as in
    recordings of browsers, all frames are counted. Decoding may give a few less.

    Raises:
        InputError: the file is missing, is not a video or holds no picture.
    """
    with _open_video(path) as container:
        stream = _moving(container)
        height, width = next(_decode(container, path)).shape[:2]
        rate, clock = stream.average_rate, stream.time_base
        frame_count = stream.frames or None
        duration = stream.duration * clock if stream.duration else (container.duration or 0) / av.time_base
    times = _times(path, _TIMED_FRAMES)
    fps = float(rate or _USUAL_RATE)
    if not rate or not duration or abs(_mean_rate(times, clock, fps) / fps - 1) > _RATE_TOLERANCE:
        times = _times(path)
        fps = _mean_rate(times, clock, fps)
        frame_count = len(times)
        duration = frame_count / fps
    return VideoInfo(width, height, fps, frame_count, float(duration), _are_even(times, clock))


def read_frames(path: str | os.PathLike[str], *, fps: float | None = None) -> Iterator[np.ndarray]:
    """Decode a video frame by frame, in the order shown, holding one frame at a time.

    Args:
        fps: take the frame shown at each multiple of 1 / fps seconds, whatever the video's own rate and even
            where that varies; by default every frame once.

    Yields:
        (H, W, 3) uint8 RGB.

    Raises:
        InputError: at the first frame when the file is missing or is not a video, after the last readable
            frame when it is cut off. The rate is not possible.
    """
    check_rate(fps)
    with _open_video(path) as container:
        yield from _decode(container, path, fps)


def sample_frames(
    path: str | os.PathLike[str],
    count: int,
    *,
    stride: int = 1,
    start: int = 0,
    crop: tuple[int, int, int, int] = (0, 0, 0, 0),
    fps: float | None = None,
) -> np.ndarray:
    """Take frames ``start, start + stride, ...`` of a video.

    Args:
        count: number of frames, at least 1.
        stride: distance between two frames taken, at least 1.
        start: index of the first frame taken, at least 0.
        crop: pixels cut off the left, right, top and bottom of the upright picture.
        fps: count frames at this rate instead of the video's own; see :func:`read_frames`.

    Returns:
        (count, H, W, 3) uint8 RGB.

    Raises:
        InputError: a number is out of range, the crop leaves nothing, the video is too short or unreadable.
    """
    for name, value, least in (("count", count, 1), ("stride", stride, 1), ("start", start, 0)):
        if value < least:
            raise InputError(f"The frame {name} is {value}, but must be at least {least}.")

    needed = start + (count - 1) * stride + 1
    seen = 0
    for frame in islice(read_frames(path, fps=fps), needed):
        taken, skipped = divmod(seen - start, stride)
        if taken >= 0 and not skipped:
            picture = _cropped(frame, crop)
            if taken == 0:
                frames = _room_for(count, *picture.shape)
            frames[taken] = picture
        seen += 1
    if seen < needed:
        raise InputError(_too_short(Path(path).name, seen, count, stride, start))
    return frames


def _open_video(path: str | os.PathLike[str]) -> av.container.InputContainer:
    file = Path(path)
    if os.path.isdir(file):
        raise InputError(f"{file} is a folder; name one video file.")
    if not os.path.exists(file):  # unlike Path's, False as well for names too long and folders not open to us
        raise InputError(f"There is no file {file}; check the path.")
    if not file.stat().st_size:
        raise InputError(f"{file.name} is empty; choose another video.")
    try:
        # Without the prefix FFmpeg reads a name such as "a:b.mp4" as a network address.
        container = av.open(f"file:{file}", container_options=_READ_OPTIONS, metadata_errors="replace")
    except PermissionError as error:
        raise InputError(f"{file.name} may not be read; check its permissions.") from error
    except av.FFmpegError as error:
        raise InputError(f"{file.name} is not a video or is cut off; export it again as MP4.") from error
    if not any(_is_moving(stream) for stream in container.streams.video):
        container.close()
        raise InputError(f"{file.name} has no moving picture that can be read; choose a video.")
    return container


def _is_moving(stream: av.VideoStream) -> bool:
    """False for the cover picture of a sound file and for codecs FFmpeg does not know."""
    return stream.codec_context is not None and not stream.disposition & av.stream.Disposition.attached_pic


def _moving(container: av.container.InputContainer) -> av.VideoStream:
    """The stream that is meant: a cover picture may come before it."""
    return next(filter(_is_moving, container.streams.video))


def _times(path: str | os.PathLike[str], most: int | None = None) -> list[int]:
    """When the frames, or the first ones, are shown: in order, in ticks of the stream, without decoding them."""
    with _open_video(path) as container:
        stream = _moving(container)
        packets = (packet for packet in container.demux(stream) if packet.size)
        times: list[int | None] = []
        with contextlib.suppress(av.FFmpegError):  # a damaged file counts as far as it can be read
            times.extend(packet.pts for packet in islice(packets, most))
        if None in times:  # those that are told may be of any part of the frames
            ticks = 1 / (stream.time_base * (stream.average_rate or _USUAL_RATE))
            return [round(index * ticks) for index in range(len(times))]
    # Frames are stored in another order than shown: among the last, some that come between may not be read yet.
    return sorted(times)[: -_MOST_REORDERED if len(times) == most else None]


def _mean_rate(times: Sequence[int], clock: Fraction, usual: float) -> float:
    """Frames a second of times in ticks of ``clock`` seconds; the usual where they do not differ."""
    length = times[-1] - times[0]
    return float((len(times) - 1) / (length * clock)) if length else usual


def _are_even(times: Sequence[int], clock: Fraction) -> bool:
    gaps = sorted(after - before for before, after in pairwise(times))
    tolerance = max(2 * _CLOCK_TOLERANCE / clock, 1)
    return not gaps or gaps[-1] - gaps[0] <= max(gaps[len(gaps) // 2] / 4, tolerance)


def _decode(
    container: av.container.InputContainer, path: str | os.PathLike[str], fps: float | None = None
) -> Iterator[np.ndarray]:
    """RGB frames of the first moving picture, on request at another rate."""
    stream = _moving(container)
    stream.thread_type = "AUTO"
    size = None
    count = 0
    try:
        pictures = _pictures(container, stream)
        for picture in _at_rate(pictures, fps, stream) if fps else pictures:
            if size is None:
                size = round(picture.width * (stream.sample_aspect_ratio or 1)), picture.height
            yield _to_rgb(picture, *size)
            count += 1
    except (av.FFmpegError, EOFError) as error:
        raise InputError(_cut_off(path, count)) from error
    if not count:
        raise InputError(_cut_off(path, count))


def _pictures(container: av.container.InputContainer, stream: av.VideoStream) -> Iterator[av.VideoFrame]:
    """Decoded pictures. Damaged stretches are skipped, a missing end raises EOFError or FFmpegError."""
    decoder = _decoder(stream)
    damage = None
    until = 0
    for packet in container.demux(stream):
        until = max(until, (packet.pts or 0) + (packet.duration or 0))
        try:
            pictures = decoder.decode(packet)
        except av.FFmpegError as error:
            damage = error
            continue
        if damage and pictures:
            logger.warning("Frames are missing before %.2f s: %s", until * stream.time_base, damage)
            damage = None
        yield from pictures
    if damage:
        raise damage
    unseen = ((stream.start_time or 0) + (stream.duration or 0) - until) * stream.time_base
    if unseen > _TOLERATED_MISSING_END:
        raise EOFError(f"the file ends {float(unseen):.2f} s early")


def _at_rate(
    pictures: Iterable[av.VideoFrame], fps: float, stream: av.VideoStream
) -> Iterator[av.VideoFrame]:
    """The picture shown at 0, 1 / fps, 2 / fps, ... seconds."""
    usual = 1 / float(stream.average_rate or _USUAL_RATE)
    shown = first = None
    now, taken = 0.0, 0
    for index, picture in enumerate(pictures):
        time = index * usual if picture.time is None else picture.time
        first = time if first is None else first
        now = time - first
        usual = now / index if index else usual
        while shown and taken / fps < now - _CLOCK_TOLERANCE:
            yield shown
            taken += 1
        shown = picture
    while shown and taken / fps < now + usual - _CLOCK_TOLERANCE:
        yield shown
        taken += 1


def _decoder(stream: av.VideoStream) -> av.VideoCodecContext:
    """FFmpeg's own VP8 and VP9 decoders drop the transparency of WebM; libvpx keeps it."""
    libvpx = {"vp8": "libvpx", "vp9": "libvpx-vp9"}.get(stream.codec_context.name)
    if libvpx and stream.metadata.get("alpha_mode") == "1":
        return av.VideoCodecContext.create(libvpx, "r")
    return stream.codec_context


def _to_rgb(picture: av.VideoFrame, width: int, height: int) -> np.ndarray:
    """Upright RGB of one size: stored pixels need not be square, and calls change resolution midway."""
    if (picture.width, picture.height) != (width, height):
        picture = picture.reformat(width=width, height=height)
    if picture.format.has_palette or any(component.is_alpha for component in picture.format.components):
        rgba = picture.to_ndarray(format="rgba").astype(np.uint16)
        rgb = ((rgba[..., :3] * rgba[..., 3:] + 127) // 255).astype(np.uint8)
    else:
        rgb = picture.to_ndarray(format="rgb24")
    matrix = picture.side_data.get("DISPLAYMATRIX")
    return rgb if matrix is None else _upright(rgb, np.frombuffer(matrix, np.int32))


def _upright(rgb: np.ndarray, display_matrix: np.ndarray) -> np.ndarray:
    """Apply the quarter turns and mirrorings of a display matrix: (x, y) -> (a x + c y, b x + d y)."""
    a, b, _, c, d = display_matrix[:5]
    if b:
        rgb, a, d = rgb.transpose(1, 0, 2), c, b
    if a < 0:
        rgb = rgb[:, ::-1]
    if d < 0:
        rgb = rgb[::-1]
    return np.ascontiguousarray(rgb)


def _cropped(frame: np.ndarray, crop: tuple[int, int, int, int]) -> np.ndarray:
    left, right, top, bottom = crop
    height, width = frame.shape[:2]
    if min(crop) < 0 or left + right >= width or top + bottom >= height:
        raise InputError(
            f"The crop {left},{right},{top},{bottom} does not fit the {width}x{height} picture;"
            " give pixels to cut off its left, right, top and bottom."
        )
    return frame[top : height - bottom, left : width - right]


def _room_for(count: int, height: int, width: int, channels: int) -> np.ndarray:
    try:
        return np.empty((count, height, width, channels), np.uint8)
    except (MemoryError, ValueError) as error:  # the latter beyond what an address reaches
        raise InputError(
            f"Memory does not suffice for {count} frames of {width}x{height}; take fewer."
        ) from error


def _cut_off(path: str | os.PathLike[str], count: int) -> str:
    return f"{Path(path).name} is damaged or cut off after {count} frames; export it again."


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
