"""Small videos with a tone, and when it is heard."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np

RATE = 44_100  # samples a second
PICTURE = np.zeros((32, 32, 3), np.uint8)
PICTURE[4:28, 15:17] = 255, 153, 51  # a line as of a skeleton


def film(path: Path, seconds: float, tone_from: float, tone_to: float, sound_delay: float = 0.0) -> Path:
    """A video of 10 frames a second, silent but for a tone."""
    with av.open(str(path), "w") as container:
        pictures = container.add_stream("libx264", rate=10)
        pictures.width = pictures.height = 32
        pictures.pix_fmt = "yuv420p"
        audio = container.add_stream("aac", rate=RATE, layout="mono")
        for _ in range(round(seconds * 10)):
            container.mux(pictures.encode(av.VideoFrame.from_ndarray(PICTURE, "rgb24")))
        container.mux(pictures.encode())
        time = np.arange(round(seconds * RATE)) / RATE + sound_delay
        wave = np.sin(2 * np.pi * 880 * time) * ((time >= tone_from) & (time < tone_to)) * 0.8
        frame = av.AudioFrame.from_ndarray(wave.astype(np.float32)[None], "fltp", "mono")
        frame.sample_rate, frame.pts = RATE, round(sound_delay * RATE)
        container.mux(audio.encode(frame))
        container.mux(audio.encode())
    return path


def tone(path: Path) -> tuple[float, float]:
    """When the tone of a video starts and ends, in seconds."""
    with av.open(str(path)) as container:
        heard = [(frame.time, frame.to_ndarray()[0]) for frame in container.decode(audio=0)]
    loudness = np.concatenate([wave for _, wave in heard])
    loud = np.flatnonzero(np.abs(loudness) > 0.3) / 48_000 + heard[0][0]
    return float(loud[0]), float(loud[-1])
