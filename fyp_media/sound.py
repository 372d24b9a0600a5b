"""The sound of one video put under another, in sync."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass

import av
from av.container import InputContainer, OutputContainer

from fyp_media.container import moving_stream, open_container

_RATE = 48_000  # samples a second
_AAC_FRAME = 1024  # samples, what the encoder takes at a time
_SEEK_MARGIN = 1.0  # seconds; sound packets may lie before the time that is sought


@dataclass(frozen=True)
class Sound:
    """A stretch of a video's sound.

    path: the video.
    start, duration: seconds, counted from its first picture.
    """

    path: str | os.PathLike[str]
    start: float
    duration: float

    def mux(self, target: OutputContainer) -> None:
        """Encode it as AAC, stereo, into a file that is being written; a silent video adds nothing.

        Damaged sound is kept as far as it can be read.

        Raises:
            InputError: the video cannot be read.
        """
        with open_container(self.path) as source:
            if not any(stream.codec_context for stream in source.streams.audio):
                return
            stream = target.add_stream("aac", rate=_RATE, layout="stereo")
            for frame in _stretch(source, self.start, self.duration):
                target.mux(stream.encode(frame))
            target.mux(stream.encode(None))


def _stretch(source: InputContainer, start: float, duration: float) -> Iterator[av.AudioFrame]:
    """The sound from ``start``, its times counted from there; silence fills what is missing before the sound begins."""
    pictures = moving_stream(source)
    begin = start + float((pictures.start_time or 0) * (pictures.time_base or 0))
    graph = _filters(source, begin, duration)
    with contextlib.suppress(av.FFmpegError):
        for frame in _decoded(source, begin):
            if frame.time is not None and frame.time > begin + duration:
                break
            graph.push(frame)
            yield from _filtered(graph)
    with contextlib.suppress(av.FFmpegError):
        graph.push(None)
        yield from _filtered(graph)


def _decoded(source: InputContainer, begin: float) -> Iterator[av.AudioFrame]:
    if begin > _SEEK_MARGIN:
        source.seek(round((begin - _SEEK_MARGIN) * av.time_base))
    yield from source.decode(audio=0)


def _filters(source: InputContainer, begin: float, duration: float) -> av.filter.Graph:
    """FFmpeg's filters: cut, count time from 0, resample with gaps filled, frames as the encoder takes them."""
    graph = av.filter.Graph()
    graph.link_nodes(
        graph.add_abuffer(template=source.streams.audio[0]),
        graph.add("atrim", f"start={begin}:duration={duration}"),
        graph.add("asetpts", f"PTS-{begin}/TB"),
        graph.add("aresample", f"{_RATE}:async=1:first_pts=0"),
        graph.add("aformat", "sample_fmts=fltp:channel_layouts=stereo"),
        graph.add("asetnsamples", f"{_AAC_FRAME}:pad=0"),
        graph.add("abuffersink"),
    ).configure()
    return graph


def _filtered(graph: av.filter.Graph) -> Iterator[av.AudioFrame]:
    with contextlib.suppress(av.BlockingIOError, av.EOFError):
        while True:
            frame = graph.pull()
            assert isinstance(frame, av.AudioFrame)  # what the graph's sink takes
            yield frame
