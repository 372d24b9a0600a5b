"""Frames to video files: MP4 and GIF, complete or not at all.

Frames are (H, W, 3) uint8 RGB arrays.
"""

import contextlib
import os
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction

import av
import numpy as np
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, VideoReformatter

from fyp_media.errors import InputError
from fyp_media.files import check_target, replacing
from fyp_media.frame_times import as_fraction
from fyp_media.sound import Sound

VIDEO_SUFFIXES = (".mp4", ".m4v", ".mov")


def write_video(
    path: str | os.PathLike[str],
    frames: Iterable[np.ndarray],
    fps: float | Fraction,
    *,
    metadata: dict[str, str] | None = None,
    sound: Sound | None = None,
) -> None:
    """Write an MP4 that plays everywhere: H.264, yuv420p, index in front. Complete or not at all.

    Args:
        path: ends in .mp4, .m4v or .mov; missing folders are made, an existing file is replaced at the end.
        frames: (H, W, 3) uint8 RGB, all of one size, at least one; consumed one by one. Odd sizes gain an
            edge row or column, as yuv420p needs.
        metadata: free tags stored in the file.
        sound: what is heard meanwhile.

    Raises:
        InputError: another ending, or the place cannot be written.
    """
    check_target(path, *VIDEO_SUFFIXES)
    with _muxer(path, {"movflags": "+faststart+use_metadata_tags"}) as container:
        container.metadata.update(metadata or {})
        stream = container.add_stream(
            "libx264", rate=as_fraction(fps), options={"crf": "16", "preset": "veryfast"}
        )
        stream.pix_fmt = "yuv420p"
        # The matrix that readers which ignore tags assume, tagged for players that honour them.
        stream.codec_context.colorspace = Colorspace.ITU601
        stream.codec_context.color_range = ColorRange.MPEG
        stream.codec_context.color_primaries = ColorPrimaries.BT709
        stream.codec_context.color_trc = ColorTrc.IEC61966_2_1
        reformatter = VideoReformatter()  # one for all frames: each would have threads of its own
        for index, rgb in enumerate(frames):
            rgb = np.pad(rgb, ((0, rgb.shape[0] % 2), (0, rgb.shape[1] % 2), (0, 0)), mode="edge")
            if index == 0:
                stream.height, stream.width = rgb.shape[:2]
            frame = reformatter.reformat(
                av.VideoFrame.from_ndarray(rgb, "rgb24"),
                format="yuv420p",
                dst_colorspace=Colorspace.ITU601,
                dst_color_range=ColorRange.MPEG,
                threads=1,
            )
            if index == 0 and sound:  # streams are added before any is written
                sound.mux(container)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def write_gif(path: str | os.PathLike[str], frames: Sequence[np.ndarray], fps: float | Fraction) -> None:
    """Write an endless GIF with one palette made for these frames. Complete or not at all.

    Args:
        path: ends in .gif; missing folders are made, an existing file is replaced at the end.
        frames: (H, W, 3) uint8 RGB, all of one size, at least one.
        fps: GIF counts in hundredths of a second, so rates above 50 are shown slower by browsers.

    Raises:
        InputError: another ending, or the place cannot be written.
    """
    check_target(path, ".gif")
    rate = as_fraction(fps)
    height, width = frames[0].shape[:2]
    with _muxer(path, {}) as container:
        stream = container.add_stream("gif", rate=rate)
        stream.width, stream.height, stream.pix_fmt = width, height, "pal8"
        for frame in _with_palette(frames, rate):
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


@contextlib.contextmanager
def _muxer(path: str | os.PathLike[str], options: dict[str, str]) -> Iterator[av.container.OutputContainer]:
    try:
        with replacing(path) as temporary, av.open(f"file:{temporary}", "w", options=options) as container:
            yield container
    except av.FFmpegError as error:  # such as of a size that the codec does not know
        raise InputError(f"Cannot write {path}: {error.strerror}; choose another size or rate.") from error


def _with_palette(frames: Sequence[np.ndarray], rate: Fraction) -> Iterator[av.VideoFrame]:
    """Quantise to one 256-colour palette. Dither is ordered: error diffusion would crawl between frames."""
    graph = av.filter.Graph()
    height, width = frames[0].shape[:2]
    source = graph.add_buffer(width=width, height=height, format=av.VideoFormat("rgb24"), time_base=1 / rate)
    split = graph.add("split")
    palette = graph.add("palettegen", "reserve_transparent=0")
    use = graph.add("paletteuse", "dither=bayer:bayer_scale=4")
    sink = graph.add("buffersink")
    source.link_to(split)
    split.link_to(palette, 0, 0)
    split.link_to(use, 1, 0)
    palette.link_to(use, 0, 1)
    use.link_to(sink)
    graph.configure()
    for index, rgb in enumerate(frames):
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), "rgb24")
        frame.pts, frame.time_base = index, 1 / rate
        graph.push(frame)
    graph.push(None)
    with contextlib.suppress(EOFError):
        while True:
            reduced = graph.pull()
            assert isinstance(reduced, av.VideoFrame)  # what the graph's sink takes
            yield reduced
