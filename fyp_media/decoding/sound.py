"""Samples out of a video's sound."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import av
import numpy as np
from av.container import InputContainer

from fyp_media.decoding.container import moving_stream, open_container

SOUND_RATE = 48_000  # samples a second
SOUND_BLOCK = 1024  # samples, what an AAC encoder takes at a time
_SEEK_MARGIN = 1.0  # seconds; sound packets may lie before the time that is sought


def read_sound(path: str | os.PathLike[str], start: float, duration: float) -> Iterator[np.ndarray]:
    """See :meth:`fyp_media.decoding.video.Video.sound`."""
    with open_container(path) as source:
        if any(stream.codec_context for stream in source.streams.audio):
            yield from _stretch(source, start, duration)


def _stretch(source: InputContainer, start: float, duration: float) -> Iterator[np.ndarray]:
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
    """FFmpeg's filters: cut, count time from 0, resample with gaps filled, blocks as the encoder takes them."""
    graph = av.filter.Graph()
    graph.link_nodes(
        graph.add_abuffer(template=source.streams.audio[0]),
        graph.add("atrim", f"start={begin}:duration={duration}"),
        graph.add("asetpts", f"PTS-{begin}/TB"),
        graph.add("aresample", f"{SOUND_RATE}:async=1:first_pts=0"),
        graph.add("aformat", "sample_fmts=fltp:channel_layouts=stereo"),
        graph.add("asetnsamples", f"{SOUND_BLOCK}:pad=0"),
        graph.add("abuffersink"),
    ).configure()
    return graph


def _filtered(graph: av.filter.Graph) -> Iterator[np.ndarray]:
    with contextlib.suppress(av.BlockingIOError, av.EOFError):
        while True:
            frame = graph.pull()
            assert isinstance(frame, av.AudioFrame)  # what the graph's sink takes
            yield frame.to_ndarray()
