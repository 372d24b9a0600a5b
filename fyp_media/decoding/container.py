"""Opening video files safely (PyAV, that is FFmpeg's libraries in the process)."""

from __future__ import annotations

import gc
import os
import re
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
from av.container import InputContainer

from fyp_media.errors import InputError

# FFmpeg also opens playlists, which may name any other file or address, and renders plain text as video:
# uploads must not reach those readers.
_READ_OPTIONS = {
    "protocol_whitelist": "file",
    "format_whitelist": "mov,mp4,matroska,webm,avi,gif,apng,webp,mpegts,mpeg,mpegvideo,m4v,h264,hevc,ivf,flv,"
    "asf,ogg,mxf,dv,nut,"
    "jpeg_pipe,png_pipe,webp_pipe",  # pictures: videos of one frame
}
# Pictures by their first bytes: FFmpeg takes files with usual names for a series, which it may not read.
_PICTURES = (
    (re.compile(rb"\xff\xd8\xff"), "jpeg_pipe"),
    (re.compile(rb"\x89PNG.*acTL", re.DOTALL), "apng"),
    (re.compile(rb"\x89PNG"), "png_pipe"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "webp_pipe"),
)
_FIRST_BYTES = 1 << 16
# A file of some kilobytes can hold a picture that takes gigabytes. 36 megapixels is just above 8K (7680x4320).
MOST_PIXELS = 36_000_000
_MOST_PIXEL_ASPECT = 10  # widescreen DVDs have 1.46, anamorphic cinema 2
_MOST_PIXELS_WITH_FRAME_THREADS = 9_000_000  # each such thread holds pictures of its own
_DEFAULT_RATE = Fraction(25)  # of videos that do not state one

# A forked process does not inherit the threads of decoders: freeing a decoder of its parent would block it for ever.
if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(before=gc.collect, after_in_child=gc.freeze)


def open_container(path: str | os.PathLike[str]) -> InputContainer:
    """Open a file that has a moving picture of a size that can be decoded.

    Raises:
        InputError: the file is missing, is not a video, holds no picture or too large a one.
    """
    file = Path(path)
    if os.path.isdir(file):
        raise InputError(f"{file} is a folder; name one video file.")
    # Unlike Path's, os.path.exists is also False for names that are too long and in folders we may not enter.
    if not os.path.exists(file):
        raise InputError(f"There is no file {file}; check the path.")
    if not file.stat().st_size:
        raise InputError(f"{file.name} is empty; choose another video.")
    try:
        picture = _picture_format(file)
        # Without the prefix FFmpeg reads a name such as "a:b.mp4" as a network address.
        container = av.open(
            f"file:{file}",
            format=picture,
            options={"max_pixels": str(MOST_PIXELS)},  # checked again while decoding: headers may be wrong
            container_options=_READ_OPTIONS,
            metadata_errors="replace",
        )
    except PermissionError as error:
        raise InputError(f"{file.name} may not be read; check its permissions.") from error
    except av.FFmpegError as error:
        raise InputError(f"{file.name} is not a video or is cut off; export it again as MP4.") from error
    try:
        if not any(_is_moving(stream) for stream in container.streams.video):
            raise InputError(f"{file.name} has no moving picture that can be read; choose a video.")
        _check_size(moving_stream(container), file.name)
    except InputError:
        container.close()
        raise
    return container


def moving_stream(container: InputContainer) -> av.VideoStream:
    """The first stream that is a video: a cover picture may come before it."""
    return next(filter(_is_moving, container.streams.video))


def make_decoder(stream: av.VideoStream) -> av.VideoCodecContext:
    """The decoder of a stream: libvpx for transparent WebM, whose transparency FFmpeg's own decoders ignore."""
    libvpx = {"vp8": "libvpx", "vp9": "libvpx-vp9"}.get(stream.codec_context.name)
    if libvpx and stream.metadata.get("alpha_mode") == "1":
        return cast(av.VideoCodecContext, av.VideoCodecContext.create(libvpx, "r"))
    if not stream.codec_context.is_open:
        is_large = stream.codec_context.width * stream.codec_context.height > _MOST_PIXELS_WITH_FRAME_THREADS
        stream.thread_type = "SLICE" if is_large else "AUTO"
        stream.codec_context.options = {"max_pixels": str(MOST_PIXELS)}
    return stream.codec_context


def claimed_rate(stream: av.VideoStream) -> Fraction:
    """Frames a second by the file's header."""
    return stream.average_rate or _DEFAULT_RATE


def clock(stream: av.VideoStream) -> Fraction:
    """Length of a tick, the unit of the stream's times, in seconds."""
    return stream.time_base or Fraction(1, av.time_base)


def pixel_aspect(stream: av.VideoStream) -> Fraction:
    """Width of a stored pixel by its height."""
    return stream.sample_aspect_ratio or Fraction(1)


def _picture_format(file: Path) -> str | None:
    """FFmpeg's name for the format of a picture, still or moving; None for anything else."""
    with file.open("rb") as stream:
        start = stream.read(_FIRST_BYTES)
    return next((name for pattern, name in _PICTURES if pattern.match(start)), None)


def _is_moving(stream: av.VideoStream) -> bool:
    """False for the cover picture of a sound file and for codecs FFmpeg does not know."""
    return stream.codec_context is not None and not stream.disposition & av.stream.Disposition.attached_pic


def _check_size(stream: av.VideoStream, name: str) -> None:
    width, height = stream.codec_context.width, stream.codec_context.height
    if not width or not height:  # FFmpeg does not report a size above max_pixels
        raise InputError(
            f"The picture of {name} has more than {MOST_PIXELS // 10**6} megapixels, or no size that can be read (an"
            " animated WebP, a part of a stream); export it again as a smaller MP4."
        )
    aspect = pixel_aspect(stream)
    if not 1 / _MOST_PIXEL_ASPECT <= aspect <= _MOST_PIXEL_ASPECT:
        raise InputError(
            f"{name} has pixels of {aspect.numerator}:{aspect.denominator}, which no screen shows;"
            " export it again with square pixels."
        )
    shown = round(width * aspect)
    if shown * height > MOST_PIXELS:
        raise InputError(
            f"The picture of {name} is too large: it is shown at {shown}x{height}, but at most"
            f" {MOST_PIXELS // 10**6} megapixels can be read; make it smaller."
        )
