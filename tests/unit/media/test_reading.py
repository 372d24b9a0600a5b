"""Frames are those of plain decoding wherever reading begins; times and sizes are known before decoding."""

import gc
import io
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from fyp_media.decoding.video import Sampling
from fyp_media.errors import InputError
from fyp_media.fit import cover
from fyp_media.read_video import open_video, probe, read_frames, read_picture, sample_frames

COUNT = 60


def moving_picture(index: int, height: int = 64, width: int = 96) -> np.ndarray:
    """A texture that moves, so that every frame differs and depends on those before it."""
    y, x = np.mgrid[:height, :width]
    channels = [127 + 120 * np.sin((x + 3 * index) / 9 + phase) * np.cos(y / 7) for phase in (0, 1, 2)]
    return np.stack(channels, -1).astype(np.uint8)


def encode(
    path: Path,
    codec: str = "libx264",
    options: dict[str, str] | None = None,
    times: list[int] | None = None,
    size: tuple[int, int] = (64, 96),
    count: int = COUNT,
    setup: Callable[[av.VideoStream], None] | None = None,
    pix_fmt: str = "yuv420p",
) -> Path:
    """Write frames with PyAV directly; ``times`` are in milliseconds."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options or {})
        stream.height, stream.width = size
        stream.pix_fmt = pix_fmt
        if times:
            stream.codec_context.time_base = Fraction(1, 1000)
        if setup:
            setup(stream)
        for index in range(len(times) if times else count):
            frame = av.VideoFrame.from_ndarray(moving_picture(index, *size), "rgb24")
            if times:
                frame.pts, frame.time_base = times[index], Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("b_frames.mp4", "libx264", {"x264-params": "keyint=12:bframes=3:b-adapt=0:scenecut=0"}),
        ("open_gop.mp4", "libx264", {"x264-params": "open-gop=1:keyint=12:bframes=3:b-adapt=0:scenecut=0"}),
        ("open_gop.mkv", "libx264", {"x264-params": "open-gop=1:keyint=12:bframes=3:b-adapt=0:scenecut=0"}),
        ("intra_refresh.mkv", "libx264", {"x264-params": "intra-refresh=1:keyint=12:bframes=0"}),
        ("single_keyframe.mp4", "libx264", {"g": "1000"}),
        ("hevc.mkv", "libx265", {"x265-params": "open-gop=1:keyint=12:bframes=3:log-level=none"}),
        ("vp9.webm", "libvpx-vp9", {"g": "12", "auto-alt-ref": "1", "lag-in-frames": "16"}),
        ("vp8.webm", "libvpx", {"g": "12"}),
        ("v.ts", "libx264", {"g": "12"}),
        ("v.avi", "mpeg4", {"g": "12", "bf": "2"}),
        ("v.h264", "libx264", {"g": "12"}),
    ],
)
def test_frames_far_into_a_video_are_those_of_plain_decoding(tmp_path, name, codec, options):
    path = encode(tmp_path / name, codec, options)
    plain = list(read_frames(path))
    assert len(plain) == probe(path).frame_count == COUNT
    with open_video(path) as video:
        for start in (50, 0, 13, 37, 11, 59):
            taken = video.sample(Sampling(min(3, (COUNT - start + 3) // 4), stride=4, start=start))
            assert np.array_equal(taken, plain[start : start + 12 : 4])


def test_a_gif_is_read_from_its_start(tmp_path):
    frames = [Image.fromarray(moving_picture(index)) for index in range(12)]
    frames[0].save(tmp_path / "v.gif", save_all=True, append_images=frames[1:], duration=100)
    plain = list(read_frames(tmp_path / "v.gif"))
    assert np.array_equal(sample_frames(tmp_path / "v.gif", 2, stride=2, start=7), plain[7:10:2])


def test_only_the_frames_from_the_keyframe_on_are_decoded(tmp_path):
    path = encode(tmp_path / "v.mp4", options={"g": "12", "sc_threshold": "0"})
    decoded: list[None] = []
    with open_video(path) as video:
        video.sample(Sampling(1, start=50), on_decoded=lambda: decoded.append(None))
    assert len(decoded) <= 12


def test_a_start_beyond_the_end_is_refused_before_decoding(tmp_path):
    path = encode(tmp_path / "v.mp4")
    with open_video(path) as video:
        with pytest.raises(InputError, match="start at frame 59 or earlier"):
            video.sample(Sampling(1, start=10**6), on_decoded=lambda: pytest.fail("decoded"))
        with pytest.raises(InputError, match="take at most 10 frames"):
            video.sampled(Sampling(20, start=50))


class StoppedError(Exception):
    pass


def test_reading_can_be_stopped_at_every_frame(tmp_path):
    decoded: list[None] = []

    def stop_at_the_third() -> None:
        decoded.append(None)
        if len(decoded) == 3:
            raise StoppedError

    with open_video(encode(tmp_path / "v.avi", "mpeg4")) as video:
        with pytest.raises(StoppedError):
            video.sample(Sampling(1, start=50), on_decoded=stop_at_the_third)
        assert len(video.sample(Sampling(2))) == 2


def test_an_edit_list_hides_frames(tmp_path):
    path = tmp_path / "trimmed.mp4"
    whole = encode(tmp_path / "whole.mp4", options={"g": "30", "bf": "0", "sc_threshold": "0"})
    with av.open(str(whole)) as source, av.open(str(path), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        first = None
        for packet in source.demux(video=0):
            if packet.pts is None:
                continue
            first = packet.pts + 10 * packet.duration if first is None else first
            packet.pts, packet.dts = packet.pts - first, packet.dts - first
            packet.stream = stream
            target.mux(packet)
    frames = list(read_frames(path))
    assert probe(path).frame_count == len(frames) == COUNT - 10
    assert np.array_equal(frames, list(read_frames(whole))[10:])
    assert np.array_equal(sample_frames(path, 2, start=30, stride=9), [frames[30], frames[39]])


def test_sound_longer_than_the_picture_adds_no_frames(tmp_path):
    path = tmp_path / "v.mkv"
    with av.open(str(path), "w") as container:
        video, sound = container.add_stream("libx264", rate=25), container.add_stream("aac", rate=8000)
        video.width, video.height, video.pix_fmt = 96, 64, "yuv420p"
        for index in range(10):
            container.mux(video.encode(av.VideoFrame.from_ndarray(moving_picture(index), "rgb24")))
        container.mux(video.encode())
        for _ in range(40):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.rate = 8000
            container.mux(sound.encode(frame))
        container.mux(sound.encode())
    info = probe(path)
    assert (info.frame_count, info.fps) == (10, 25)
    assert info.duration == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("codec", "options"),
    [
        ("libx264", {"x264-params": "open-gop=1:keyint=12:bframes=3:scenecut=0"}),
        ("libx265", {"x265-params": "open-gop=1:keyint=12:bframes=3:log-level=none"}),
        ("mpeg2video", {"bf": "2", "g": "12"}),
    ],
)
def test_a_stream_cut_in_the_middle_counts_what_can_be_decoded(tmp_path, codec, options):
    packets = encode(tmp_path / "v.ts", codec, options).read_bytes()
    header, middle = 3 * 188, len(packets) // 188 // 3 * 188
    (tmp_path / "cut.ts").write_bytes(packets[:header] + packets[middle:])
    frames = list(read_frames(tmp_path / "cut.ts"))
    assert 0 < len(frames) < COUNT
    assert probe(tmp_path / "cut.ts").frame_count == len(frames)


def test_uneven_frames_are_sampled_at_even_times(tmp_path):
    """A camera that slows down in the dark: 60 frames a second, then 20."""
    times = [*range(0, 500, 17), *range(500, 2500, 50)]
    path = encode(tmp_path / "v.mkv", times=times)
    plain = list(read_frames(path))
    info = probe(path)
    assert (info.is_even, info.frame_count) == (False, len(times))
    taken = sample_frames(path, 6, stride=10)
    shown = [next(i for i, frame in enumerate(plain) if np.array_equal(frame, each)) for each in taken]
    expected = [index * 10 / info.fps * 1000 for index in range(6)]
    assert [times[index] for index in shown] == pytest.approx(expected, abs=51)


def write_apng(path: Path, width: int, height: int) -> Path:
    buffer = io.BytesIO()
    frames = [Image.new("P", (width, height), index) for index in range(2)]
    frames[0].save(buffer, "PNG", save_all=True, append_images=frames[1:])
    path.write_bytes(buffer.getvalue())
    return path


def test_a_small_file_of_a_huge_picture_is_refused_from_its_header(tmp_path):
    path = write_apng(tmp_path / "v.apng", 8000, 8000)
    assert path.stat().st_size < 200_000
    with pytest.raises(InputError, match=r"v\.apng has more than 36 megapixels"):
        open_video(path)


def test_pixels_that_no_screen_shows_are_refused(tmp_path):
    def stretch(stream: av.VideoStream) -> None:
        stream.codec_context.sample_aspect_ratio = Fraction(20, 1)

    with pytest.raises(InputError, match="pixels of 20:1"):
        open_video(encode(tmp_path / "v.mp4", count=2, setup=stretch))


def test_frames_can_be_shrunk_while_they_are_read(tmp_path):
    path = encode(tmp_path / "v.mp4", count=2, setup=lambda stream: stream.set_display_rotation(90))
    with open_video(path) as video:
        assert next(video.frames(longest_side=48)).shape == (48, 32, 3)
        assert next(video.frames(longest_side=500)).shape == (96, 64, 3)
        assert next(video.sampled(Sampling(1, crop=(4, 0, 0, 16), longest_side=40))).shape == (40, 30, 3)


def test_frames_are_fitted_as_they_are_read(tmp_path):
    path = encode(tmp_path / "v.mp4", count=4)
    window = cover((64, 96), (32, 32))
    with open_video(path) as video:
        fitted = video.sample(Sampling(4), window=window)
        assert np.array_equal(fitted, [window.cut(frame) for frame in video.frames()])


def test_decoded_frames_do_not_linger(tmp_path):
    """Without the collector's help: each frame is freed when the next one is read."""
    path = encode(tmp_path / "v.mp4", setup=lambda stream: stream.set_display_rotation(90))
    with open_video(path) as video:
        gc.collect()
        gc.disable()
        try:
            before = sum(isinstance(each, av.VideoFrame) for each in gc.get_objects())
            for _ in video.frames():
                pass
            after = sum(isinstance(each, av.VideoFrame) for each in gc.get_objects())
        finally:
            gc.enable()
    assert after - before <= 2


def test_a_file_is_described_once_until_it_changes(tmp_path, monkeypatch):
    path = encode(tmp_path / "v.mp4", count=12)
    opened: list[str] = []
    with monkeypatch.context() as patch:
        open_file = av.open
        patch.setattr(
            av, "open", lambda name, *rest, **more: opened.append(name) or open_file(name, *rest, **more)
        )
        assert {probe(path).frame_count for _ in range(3)} == {12}
    assert len(opened) == 1
    encode(path, count=20)
    assert probe(path).frame_count == 20


def test_a_request_opens_its_video_once(tmp_path, monkeypatch):
    path = encode(tmp_path / "v.mp4", options={"g": "12"})
    opened: list[str] = []
    open_file = av.open
    monkeypatch.setattr(
        av, "open", lambda name, *rest, **more: opened.append(name) or open_file(name, *rest, **more)
    )
    with open_video(path) as video:
        video.sample(Sampling(3, stride=5, start=30))
        assert len(list(video.frames())) == video.info.frame_count
    assert len(opened) == 1


@pytest.mark.parametrize(
    "name", ["face.jpg", "face.JPEG", "face.png", "face.webp", "100 %d {1}?.png", "face"]
)
def test_pictures_of_a_usual_size_are_read_whatever_their_name(name: str, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (12, 12, 3), np.uint8)
    upright = Image.fromarray(noise).resize((320, 240), Image.Resampling.BILINEAR)
    turned = Image.Exif()
    turned[0x0112] = 6  # orientation: to be turned clockwise
    suffix = Path(name).suffix.upper().strip(".")
    kind = {"JPG": "JPEG", "": "JPEG"}.get(suffix, suffix)
    upright.rotate(90, expand=True).save(tmp_path / name, kind, exif=turned)
    assert (tmp_path / name).stat().st_size > 4096  # more than FFmpeg reads to tell what it is
    shown = read_picture(tmp_path / name).astype(int)
    assert np.abs(shown - np.asarray(upright, int)).mean() < 8
