"""The sound of one video put under another, in sync."""

from __future__ import annotations

import os
from dataclasses import dataclass

import av
import numpy as np
from av.container import OutputContainer

from fyp_media.decoding.sound import SOUND_RATE
from fyp_media.read_video import open_video


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
        stream: av.AudioStream | None = None
        done = 0
        with open_video(self.path) as video:
            for samples in video.sound(self.start, self.duration):
                if stream is None:
                    stream = target.add_stream("aac", rate=SOUND_RATE, layout="stereo")
                target.mux(stream.encode(_audio_frame(samples, done)))
                done += samples.shape[1]
        if stream is not None:
            target.mux(stream.encode(None))


def _audio_frame(samples: np.ndarray, first: int) -> av.AudioFrame:
    """Samples (2, n) of which the first is number ``first``."""
    frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="stereo")
    frame.sample_rate, frame.pts = SOUND_RATE, first
    return frame
