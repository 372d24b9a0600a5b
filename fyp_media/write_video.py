"""Frames to video files: MP4 and GIF, complete or not at all.

Frames are (H, W, 3) uint8 RGB arrays.
"""

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import IO

import av
import numpy as np
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, VideoReformatter

from fyp_media.errors import InputError
from fyp_media.files import check_target, replacing
from fyp_media.frame_times import as_fraction
from fyp_media.sound import Sound

VIDEO_SUFFIXES = (".mp4", ".m4v", ".mov")
# Options of the encoder x264.
QUICK = {"crf": "16", "preset": "veryfast"}
SMALL = {"crf": "27", "preset": "veryslow"}  # a third of the bytes, ten times the work: for committed files

FrameWriter = Callable[[np.ndarray], None]
"""Takes the next frame, (H, W, 3) uint8 RGB, of the same size as the others."""


def write_video(
    path: str | os.PathLike[str],
    frames: Iterable[np.ndarray],
    fps: float | Fraction,
    *,
    sound: Sound | None = None,
    encoding: Mapping[str, str] = QUICK,
) -> None:
    """:func:`video_writer` for frames that are there already, or made one by one.

    Args:
        frames: (H, W, 3) uint8 RGB, all of one size, at least one; consumed one by one.
    """
    with video_writer(path, fps, sound=sound, encoding=encoding) as write:
        for frame in frames:
            write(frame)


@contextlib.contextmanager
def video_writer(
    path: str | os.PathLike[str],
    fps: float | Fraction,
    *,
    sound: Sound | None = None,
    encoding: Mapping[str, str] = QUICK,
) -> Iterator[FrameWriter]:
    """Write an MP4 that plays everywhere: H.264, yuv420p, index in front. Complete or not at all.

    No frame is held: each is encoded into a scratch file, which takes its name at the end of the block.

    Args:
        path: ends in .mp4, .m4v or .mov; missing folders are made, an existing file is replaced at the end.
        sound: to store with the pictures.
        encoding: ``QUICK`` or ``SMALL``.

    Yields:
        Takes the frames, at least one. Odd sizes gain an edge row or column, as yuv420p needs.

    Raises:
        InputError: another ending, or the place cannot be written.
    """
    check_target(path, *VIDEO_SUFFIXES)
    with _muxer(path, {"movflags": "+faststart"}) as container:
        encoder = _Encoder(container, fps, sound, encoding)
        yield encoder.write
        encoder.finish()


class _Encoder:
    """Frames into an open MP4."""

    def __init__(
        self,
        container: av.container.OutputContainer,
        fps: float | Fraction,
        sound: Sound | None,
        encoding: Mapping[str, str],
    ) -> None:
        self._container = container
        self._sound = sound
        self._stream = stream = container.add_stream("libx264", rate=as_fraction(fps), options=dict(encoding))
        stream.pix_fmt = "yuv420p"
        # The matrix that readers which ignore tags assume, tagged for players that honour them.
        stream.codec_context.colorspace = Colorspace.ITU601
        stream.codec_context.color_range = ColorRange.MPEG
        stream.codec_context.color_primaries = ColorPrimaries.BT709
        stream.codec_context.color_trc = ColorTrc.IEC61966_2_1
        self._reformatter = VideoReformatter()  # one for all frames: each would have threads of its own
        self._has_begun = False

    def write(self, rgb: np.ndarray) -> None:
        rgb = np.pad(rgb, ((0, rgb.shape[0] % 2), (0, rgb.shape[1] % 2), (0, 0)), mode="edge")
        if not self._has_begun:
            self._stream.height, self._stream.width = rgb.shape[:2]
        frame = self._reformatter.reformat(
            av.VideoFrame.from_ndarray(rgb, "rgb24"),
            format="yuv420p",
            dst_colorspace=Colorspace.ITU601,
            dst_color_range=ColorRange.MPEG,
            threads=1,
        )
        if not self._has_begun and self._sound:  # streams are added before any is written
            self._sound.mux(self._container)
        self._has_begun = True
        self._container.mux(self._stream.encode(frame))

    def finish(self) -> None:
        self._container.mux(self._stream.encode())


def write_gif(path: str | os.PathLike[str], frames: Iterable[np.ndarray], fps: float | Fraction) -> None:
    """:func:`gif_writer` for frames that are there already, or made one by one."""
    with gif_writer(path, fps) as write:
        for frame in frames:
            write(frame)


@contextlib.contextmanager
def gif_writer(path: str | os.PathLike[str], fps: float | Fraction) -> Iterator[FrameWriter]:
    """Write an endless GIF with one palette made for its frames. Complete or not at all.

    The palette needs all frames; until then they lie in a scratch file.

    Args:
        path: ends in .gif; missing folders are made, an existing file is replaced at the end.
        fps: GIF counts in hundredths of a second, so rates above 50 are shown slower by browsers.

    Yields:
        Takes the frames, at least one.

    Raises:
        InputError: another ending, or the place cannot be written.
    """
    check_target(path, ".gif")
    rate = as_fraction(fps)
    with _muxer(path, {}) as container, _FrameStore(Path(path).parent) as store:
        yield store.add
        height, width = store.size
        stream = container.add_stream("gif", rate=rate)
        stream.width, stream.height, stream.pix_fmt = width, height, "pal8"
        for frame in _with_palette(store, rate):
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


class _FrameStore:
    """Frames in a scratch file without a name, to be read again from the first one on.

    Attributes:
        size: height and width.
    """

    def __init__(self, folder: Path) -> None:
        self.size = (0, 0)
        self._file: IO[bytes] = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed by __exit__

    def __enter__(self) -> "_FrameStore":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, rgb: np.ndarray) -> None:
        self.size = (rgb.shape[0], rgb.shape[1])
        self._file.write(np.ascontiguousarray(rgb).data)

    def __iter__(self) -> Iterator[np.ndarray]:
        height, width = self.size
        self._file.seek(0)
        while content := self._file.read(height * width * 3):
            yield np.frombuffer(content, np.uint8).reshape(height, width, 3)


@contextlib.contextmanager
def _muxer(path: str | os.PathLike[str], options: dict[str, str]) -> Iterator[av.container.OutputContainer]:
    try:
        with replacing(path) as temporary, av.open(f"file:{temporary}", "w", options=options) as container:
            yield container
    except av.FFmpegError as error:  # for example, a size that the codec cannot encode
        raise InputError(f"Cannot write {path}: {error.strerror}; choose another size or rate.") from error


def _with_palette(store: _FrameStore, rate: Fraction) -> Iterator[av.VideoFrame]:
    """Quantise to one 256-colour palette. Ordered dither: the pattern of error diffusion moves between frames."""
    making = av.filter.Graph()
    making.link_nodes(
        _frame_source(making, store.size, rate),
        making.add("palettegen", "reserve_transparent=0"),
        making.add("buffersink"),
    ).configure()
    for frame in _timed(store, rate):
        making.push(frame)
    making.push(None)
    palette = _pulled(making)

    using = av.filter.Graph()
    source = _frame_source(using, store.size, rate)
    palette_source = using.add_buffer(
        width=palette.width, height=palette.height, format=palette.format, time_base=1 / rate
    )
    use = using.add("paletteuse", "dither=bayer:bayer_scale=4")
    sink = using.add("buffersink")
    source.link_to(use, 0, 0)
    palette_source.link_to(use, 0, 1)
    use.link_to(sink)
    using.configure()
    palette.pts, palette.time_base = 0, 1 / rate
    palette_source.push(palette)
    palette_source.push(None)
    for frame in _timed(store, rate):
        source.push(frame)
        yield from _all_pulled(using)
    source.push(None)
    yield from _all_pulled(using)


def _frame_source(
    graph: av.filter.Graph, size: tuple[int, int], rate: Fraction
) -> av.filter.context.FilterContext:
    height, width = size
    return graph.add_buffer(width=width, height=height, format=av.VideoFormat("rgb24"), time_base=1 / rate)


def _timed(frames: Iterable[np.ndarray], rate: Fraction) -> Iterator[av.VideoFrame]:
    for index, rgb in enumerate(frames):
        frame = av.VideoFrame.from_ndarray(rgb, "rgb24")
        frame.pts, frame.time_base = index, 1 / rate
        yield frame


def _pulled(graph: av.filter.Graph) -> av.VideoFrame:
    frame = graph.pull()
    assert isinstance(frame, av.VideoFrame)  # what the graph's sink takes
    return frame


def _all_pulled(graph: av.filter.Graph) -> Iterator[av.VideoFrame]:
    with contextlib.suppress(av.BlockingIOError, EOFError):
        while True:
            yield _pulled(graph)
