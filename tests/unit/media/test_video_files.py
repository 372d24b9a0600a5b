"""Any video a person may own is read upright and in its colours, and nothing half-written is left behind."""

import os
import tracemalloc
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from fyp_media.errors import InputError
from fyp_media.files import check_target
from fyp_media.fit import fit_frames
from fyp_media.read_video import probe, read_frames, sample_frames
from fyp_media.write_video import gif_writer, video_writer, write_gif, write_video

ORANGE, GREEN, BLUE = (255, 153, 51), (0, 255, 0), (0, 128, 255)


def quadrants(height: int = 64, width: int = 96) -> np.ndarray:
    """A picture that shows every wrong turn, mirroring and colour: orange, green / blue, black."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[: height // 2, : width // 2] = ORANGE
    picture[: height // 2, width // 2 :] = GREEN
    picture[height // 2 :, : width // 2] = BLUE
    return picture


def numbered(count: int) -> list[np.ndarray]:
    """Frames whose grey level tells their index."""
    return [np.full((32, 48, 3), 10 * index, np.uint8) for index in range(count)]


def index_of(frame: np.ndarray) -> int:
    return round(float(frame.mean()) / 10)


def encode(
    path: Path,
    frames: list[np.ndarray],
    codec="libx264",
    pix_fmt="yuv420p",
    source="rgb24",
    setup=None,
    pts=None,
    options=None,
):
    """Write frames with PyAV directly, for what write_video does not offer."""
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream(codec, rate=25)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = pix_fmt
        if setup:
            setup(stream)
        for index, array in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(array, source)
            if pts:
                frame.pts, frame.time_base = pts[index], Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def assert_same_picture(actual: np.ndarray, expected: np.ndarray, tolerance: float = 4) -> None:
    assert actual.shape == expected.shape
    assert actual.dtype == np.uint8
    assert np.abs(actual.astype(float) - expected).mean() < tolerance


def test_written_video_gives_back_frames_rate_and_size(tmp_path):
    path = tmp_path / "new folder" / "out.mp4"
    write_video(path, [quadrants()] * 5, Fraction(30000, 1001))
    info = probe(path)
    assert (info.width, info.height, info.frame_count) == (96, 64, 5)
    assert info.fps == pytest.approx(30000 / 1001)
    assert info.duration == pytest.approx(5 * 1001 / 30000, abs=0.01)
    frames = list(read_frames(path))
    assert len(frames) == 5
    assert_same_picture(frames[2], quadrants())
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt) == ("h264", "yuv420p")
    content = path.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat"), "a browser should start before the download ends"


def test_pure_skeleton_colours_survive_the_file(tmp_path):
    write_video(tmp_path / "out.mp4", [quadrants()], 10)
    frame = next(read_frames(tmp_path / "out.mp4"))
    for (y, x), color in {(16, 24): ORANGE, (16, 72): GREEN, (48, 24): BLUE}.items():
        assert np.abs(frame[y, x].astype(int) - color).max() <= 4


def test_odd_sizes_are_written_and_read(tmp_path):
    write_video(tmp_path / "odd.mp4", [quadrants(63, 97)] * 2, 10)
    assert_same_picture(next(read_frames(tmp_path / "odd.mp4"))[:63, :97], quadrants(63, 97))
    encode(tmp_path / "odd.mkv", [quadrants(63, 97)], codec="ffv1", pix_fmt="yuv444p")
    assert_same_picture(next(read_frames(tmp_path / "odd.mkv")), quadrants(63, 97))


@pytest.mark.parametrize(
    ("degrees", "mirrored", "expected"),
    [
        (90, False, np.rot90(quadrants())),
        (-90, False, np.rot90(quadrants(), -1)),
        (180, False, np.rot90(quadrants(), 2)),
        (0, True, quadrants()[:, ::-1]),
    ],
)
def test_phone_videos_are_turned_upright(tmp_path, degrees, mirrored, expected):
    path = encode(
        tmp_path / "v.mp4", [quadrants()], setup=lambda s: s.set_display_rotation(degrees, hflip=mirrored)
    )
    assert_same_picture(next(read_frames(path)), expected)
    assert (probe(path).height, probe(path).width) == expected.shape[:2]


@pytest.mark.parametrize(
    ("codec", "pix_fmt", "suffix"),
    [
        ("libx264", "yuv420p10le", "mp4"),
        ("libx264", "yuvj420p", "mp4"),
        ("ffv1", "rgba64le", "mkv"),
        ("libvpx-vp9", "yuv420p", "webm"),
        ("libx264", "yuv444p", "mov"),
        ("mpeg4", "yuv420p", "avi"),
    ],
)
def test_pixel_formats(tmp_path, codec, pix_fmt, suffix):
    path = encode(tmp_path / f"v.{suffix}", [quadrants()] * 2, codec=codec, pix_fmt=pix_fmt)
    assert_same_picture(next(read_frames(path)), quadrants(), tolerance=6)


def test_gray_video(tmp_path):
    gray = np.tile(np.arange(0, 240, 5, dtype=np.uint8), (32, 1))
    path = encode(tmp_path / "gray.mkv", [gray], codec="ffv1", pix_fmt="gray", source="gray")
    assert_same_picture(next(read_frames(path)), np.repeat(gray[..., None], 3, axis=2))


def test_transparency_is_shown_over_black(tmp_path):
    rgba = np.dstack([np.full((64, 96, 3), 200, np.uint8), np.zeros((64, 96), np.uint8)])
    rgba[:, :48, 3] = 255
    expected = np.zeros((64, 96, 3), np.uint8)
    expected[:, :48] = 200
    mov = encode(tmp_path / "v.mov", [rgba], codec="png", pix_fmt="rgba", source="rgba")
    assert_same_picture(next(read_frames(mov)), expected)
    webm = encode(tmp_path / "v.webm", [rgba] * 2, codec="libvpx-vp9", pix_fmt="yuva420p", source="rgba")
    frames = list(read_frames(webm))
    assert len(frames) == 2
    assert_same_picture(frames[0], expected)


def test_a_mark_of_transparency_is_no_matter_in_other_codecs(tmp_path):
    path = encode(
        tmp_path / "v.mkv", [quadrants()], codec="ffv1", setup=lambda s: s.metadata.update(alpha_mode="1")
    )
    path.write_bytes(path.read_bytes().replace(b"ALPHA_MODE", b"alpha_mode"))
    assert_same_picture(next(read_frames(path)), quadrants())


def test_non_square_pixels_are_stretched(tmp_path):
    def anamorphic(stream):
        stream.codec_context.sample_aspect_ratio = Fraction(2, 1)

    path = encode(tmp_path / "v.mp4", [quadrants()], setup=anamorphic)
    assert_same_picture(next(read_frames(path)), quadrants(width=192), tolerance=6)


def test_a_change_of_resolution_midway_is_evened_out(tmp_path):
    small = encode(tmp_path / "small.ts", [quadrants(32, 48)] * 2)
    path = encode(tmp_path / "v.ts", [quadrants()] * 2)
    path.write_bytes(path.read_bytes() + small.read_bytes())
    frames = list(read_frames(path))
    assert len(frames) == 4
    assert_same_picture(frames[3], quadrants(), tolerance=8)


def test_uneven_frame_times_lose_no_frame_and_keep_the_duration(tmp_path):
    path = encode(tmp_path / "v.mkv", numbered(6), pts=[0, 33, 50, 300, 310, 400])
    assert [index_of(frame) for frame in read_frames(path)] == [0, 1, 2, 3, 4, 5]
    assert probe(path).duration == pytest.approx(0.44, abs=0.05)
    assert not probe(path).is_even


def count_milliseconds(stream):
    stream.codec_context.time_base = Fraction(1, 1000)


def tell_no_rate(stream):
    stream.codec_context.framerate = Fraction(0, 1)
    count_milliseconds(stream)


RECORDED = np.cumsum([0, *[34, 132, 66, 100, 68] * 4]).tolist()  # milliseconds; 12.5 frames a second


@pytest.mark.parametrize(
    ("name", "codec", "setup"),
    [
        ("live.webm", "libvpx", tell_no_rate),
        ("v.webm", "libvpx", tell_no_rate),
        ("v.ts", "libx264", tell_no_rate),
        ("claims_too_much.mkv", "libx264", count_milliseconds),
        ("counts_ticks.avi", "mpeg4", count_milliseconds),
    ],
)
def test_frames_at_a_varying_rate_are_counted_and_measured(tmp_path, name, codec, setup):
    """As browsers and other recorders write them: rate and length missing, or those of a clock."""
    options = {"live": "1"} if name == "live.webm" else {}
    path = encode(tmp_path / name, numbered(21), codec, setup=setup, pts=RECORDED, options=options)
    info = probe(path)
    assert info.fps == pytest.approx(12.5)
    assert info.duration == pytest.approx(21 / 12.5)
    assert (info.frame_count, info.is_even) == (21, False)
    shown = [index_of(frame) for frame in read_frames(path, fps=info.fps)]
    assert (len(shown), shown[0], shown[-1]) == (21, 0, 20)


def test_the_rate_of_a_varying_video_is_that_of_all_its_frames(tmp_path):
    times = [*range(0, 8000, 40), *range(8000, 18000, 200)]
    path = encode(
        tmp_path / "v.webm", numbered(25) * 10, "libvpx", setup=tell_no_rate, pts=times, options={"live": "1"}
    )
    info = probe(path)
    assert (info.fps, info.frame_count) == (pytest.approx(249 / 17.8), 250)


def test_pictures_far_apart_have_a_low_rate_and_a_single_one_the_usual(tmp_path):
    far = probe(encode(tmp_path / "far.mkv", numbered(3), setup=count_milliseconds, pts=[0, 4000, 9000]))
    assert (far.fps, far.frame_count) == (pytest.approx(2 / 9), 3)
    single = probe(encode(tmp_path / "v.webm", numbered(1), "libvpx", setup=tell_no_rate, pts=[0]))
    assert (single.fps, single.frame_count) == (25, 1)


def test_frames_without_times_are_counted(tmp_path):
    info = probe(encode(tmp_path / "v.h264", numbered(12)))
    assert (info.fps, info.frame_count, info.duration) == (25, 12, 0.48)


@pytest.mark.parametrize("write", [write_video, write_gif])
def test_sizes_and_rates_that_cannot_be_written_are_reported_and_leave_nothing(tmp_path, write):
    target = tmp_path / ("v.mp4" if write is write_video else "v.gif")
    with pytest.raises(InputError, match="choose another size"):
        write(target, [np.zeros((2, 70000, 3), np.uint8)], 8)
    for fps in (0.0001, Fraction(1, 5000), 0, -1, float("nan"), float("inf"), 1e9):
        with pytest.raises(InputError, match=r"rate is .* must lie in 0\.001\.\.1000"):
            write(target, numbered(2), fps)
    assert list(tmp_path.iterdir()) == []


def test_a_name_too_long_is_no_file(tmp_path):
    with pytest.raises(InputError, match="There is no file"):
        probe(tmp_path / ("long" * 100))


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "gif"])
@pytest.mark.parametrize("fps", [60, 30000 / 1001, 8])
def test_frames_at_a_constant_rate_are_even(tmp_path, suffix, fps):
    if suffix == "gif":
        write_gif(tmp_path / "v.gif", numbered(12), fps)
    else:
        write_video(tmp_path / "v.mp4", numbered(12), fps)
        if suffix == "mkv":  # counts in milliseconds
            times = [round(1000 * index / fps) for index in range(12)]
            encode(tmp_path / "v.mkv", numbered(12), pts=times, setup=count_milliseconds)
    assert probe(tmp_path / f"v.{suffix}").is_even


@pytest.mark.parametrize(
    ("fps", "expected"),
    [(10, [0, 1, 2, 2, 3]), (25, [0, 1, 1, 2, 2, 2, 2, 2, 3, 3, 3, 4]), (2.5, [0, 3])],
)
def test_frames_at_a_target_rate_are_those_shown_at_the_time(tmp_path, fps, expected):
    path = encode(tmp_path / "v.mkv", numbered(5), pts=[0, 40, 120, 320, 440])
    shown = [index_of(frame) for frame in read_frames(path, fps=fps)]
    assert shown[: len(expected)] == expected


@pytest.mark.parametrize("fps", [60, 30, 24, 8])
def test_a_target_rate_keeps_the_duration_of_any_source(tmp_path, fps):
    write_video(tmp_path / "v.mp4", numbered(2) * fps, fps)
    assert len(list(read_frames(tmp_path / "v.mp4", fps=12))) == pytest.approx(24, abs=1)
    assert len(list(read_frames(tmp_path / "v.mp4", fps=fps))) == 2 * fps


def test_samples_can_be_counted_at_a_target_rate(tmp_path):
    write_video(tmp_path / "v.mp4", numbered(20), 20)
    sampled = sample_frames(tmp_path / "v.mp4", 4, fps=5, start=1)
    assert [index_of(frame) for frame in sampled] == [4, 8, 12, 16]
    with pytest.raises(InputError, match="rate is 0"):
        sample_frames(tmp_path / "v.mp4", 1, fps=0)


def box(kind: bytes, content: bytes) -> bytes:
    return (8 + len(content)).to_bytes(4, "big") + kind + content


def put_cover_first(path: Path) -> None:
    """Into an MP4 whose index is at its end, before the stream of the video."""
    picture = bytes([0, 0, 0, 13, 0, 0, 0, 0]) + cv2.imencode(".jpg", quadrants())[1].tobytes()
    handler = box(b"hdlr", bytes(8) + b"mdirappl" + bytes(9))
    cover = box(b"udta", box(b"meta", bytes(4) + handler + box(b"ilst", box(b"covr", box(b"data", picture)))))
    media, index = path.read_bytes().split(b"moov")
    head, streams = index.split(b"trak", 1)
    path.write_bytes(media[:-4] + box(b"moov", head[:-4] + cover + head[-4:] + b"trak" + streams))


def test_a_cover_picture_before_the_video_is_not_described(tmp_path):
    path = encode(tmp_path / "v.mp4", numbered(6), pts=[0, 33, 50, 300, 310, 400], setup=count_milliseconds)
    before = probe(path)
    put_cover_first(path)
    with av.open(str(path)) as container:
        assert container.streams.video[0].disposition & av.stream.Disposition.attached_pic
    assert probe(path) == before
    assert (before.frame_count, before.is_even) == (6, False)


@pytest.mark.parametrize("suffix", ["mkv", "mp4"])
def test_frames_are_counted_where_the_file_does_not_tell_their_number(tmp_path, suffix):
    assert probe(encode(tmp_path / f"v.{suffix}", numbered(12))).frame_count == 12


def test_gif_is_written_in_good_colours_endless_and_read_again(tmp_path):
    write_gif(tmp_path / "v.gif", [quadrants(), quadrants()[:, ::-1]], 10)
    frames = list(read_frames(tmp_path / "v.gif"))
    assert_same_picture(frames[0], quadrants(), tolerance=1)
    assert_same_picture(frames[1], quadrants()[:, ::-1], tolerance=1)
    assert probe(tmp_path / "v.gif").fps == pytest.approx(10)
    assert b"NETSCAPE2.0\x03\x01\x00\x00" in (tmp_path / "v.gif").read_bytes()


def test_names_that_look_like_addresses(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_video("http:a b%d.mp4", numbered(2), 10)
    assert len(list(read_frames("http:a b%d.mp4"))) == 2


def test_sampling_takes_the_named_frames_and_cuts_each_side(tmp_path):
    frames = numbered(12)
    for frame in frames:
        frame[:, :10] = frame[:, 44:] = frame[:6] = frame[28:] = 255
    write_video(tmp_path / "v.mp4", frames, 10)
    sampled = sample_frames(tmp_path / "v.mp4", 3, stride=4, start=2, crop=(12, 6, 8, 6))
    assert sampled.shape == (3, 18, 30, 3)
    assert [index_of(frame) for frame in sampled] == [2, 6, 10]
    assert sample_frames(tmp_path / "v.mp4", 3, stride=5, start=1).shape == (3, 32, 48, 3)


def test_a_stride_that_is_not_whole_takes_the_nearest_frames(tmp_path):
    write_video(tmp_path / "v.mp4", numbered(12), 10)
    sampled = sample_frames(tmp_path / "v.mp4", 4, stride=2.5, start=1)
    assert [index_of(frame) for frame in sampled] == [1, 4, 6, 9]
    with pytest.raises(InputError, match=r"5 at stride 2.5 from frame 2 need 13; take at most 4 frames"):
        sample_frames(tmp_path / "v.mp4", 5, stride=2.5, start=2)


def test_more_frames_than_memory_holds_are_bad_input(tmp_path):
    write_video(tmp_path / "v.mp4", numbered(2), 10)
    for count in (10**12, 10**16):
        with pytest.raises(
            InputError, match=r"There is not enough memory for \d+ frames of 48x32; take fewer"
        ):
            sample_frames(tmp_path / "v.mp4", count)


def test_sampling_holds_the_frames_once(tmp_path):
    write_video(tmp_path / "v.mp4", [np.zeros((240, 320, 3), np.uint8)] * 40, 10)
    tracemalloc.start()
    try:
        frames = sample_frames(tmp_path / "v.mp4", 40)
        assert tracemalloc.get_traced_memory()[1] < 1.5 * frames.nbytes
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("wish", "sentence"),
    [
        (
            {"count": 8, "stride": 5},
            r"v\.mp4 has 12 frames.* need 36; take at most 3 frames or a stride of at most 1\.$",
        ),
        ({"count": 30}, r"12 frames.* need 30; take at most 12 frames\.$"),
        ({"count": 1, "start": 12}, r"12 frames.* start at frame 11 or earlier\.$"),
        ({"count": 0}, "count is 0"),
        ({"count": 1, "stride": 0}, "stride is 0"),
        ({"count": 1, "start": -1}, "start is -1"),
        ({"count": 1, "crop": (30, 18, 0, 0)}, "30,18,0,0 does not fit the 48x32 picture"),
        ({"count": 1, "crop": (0, 0, 40, 0)}, "does not fit"),
        ({"count": 1, "crop": (-1, 0, 0, 0)}, "does not fit"),
    ],
)
def test_impossible_wishes_say_what_would_fit(tmp_path, wish, sentence):
    write_video(tmp_path / "v.mp4", numbered(12), 10)
    with pytest.raises(InputError, match=sentence):
        sample_frames(tmp_path / "v.mp4", **wish)


def test_the_advice_for_short_videos_is_right(tmp_path):
    write_video(tmp_path / "v.mp4", numbered(12), 10)
    assert len(sample_frames(tmp_path / "v.mp4", 3, stride=5)) == 3
    assert len(sample_frames(tmp_path / "v.mp4", 8, stride=1)) == 8
    assert len(sample_frames(tmp_path / "v.mp4", 1, start=11)) == 1


def sound_only(path: Path) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def cut_off(path: Path, share: float) -> Path:
    noise = np.random.default_rng(0).integers(0, 255, (40, 64, 96, 3), np.uint8)
    write_video(path, list(noise), 10)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda path: path, "There is no file"),
        (lambda path: path.mkdir() or path, "is a folder"),
        (lambda path: path.touch() or path, "is empty"),
        (lambda path: path.write_text("Dear reader,\n" * 500) and path, "not a video"),
        (sound_only, "no moving picture"),
        (lambda path: cut_off(path, 0.7), r"cut off after \d+ frames"),
    ],
    ids=["missing", "folder", "empty", "text", "sound only", "cut off"],
)
def test_unreadable_input_is_named_in_one_sentence(tmp_path, make, sentence):
    with pytest.raises(InputError, match=sentence) as caught:
        list(read_frames(make(tmp_path / "v.mp4")))
    assert str(caught.value).count("\n") == 0


def test_a_video_without_its_index_is_refused(tmp_path):
    path = encode(tmp_path / "v.mp4", numbered(5))
    path.write_bytes(path.read_bytes()[:-400])
    with pytest.raises(InputError, match="cut off"):
        probe(path)


def test_the_readable_part_of_a_cut_off_video_can_be_sampled(tmp_path):
    assert len(sample_frames(cut_off(tmp_path / "v.mp4", 0.7), 8)) == 8


def test_playlists_cannot_reach_other_files(tmp_path):
    write_video(tmp_path / "private.mp4", numbered(2), 10)
    playlist = tmp_path / "upload.mp4"
    playlist.write_text("ffconcat version 1.0\nfile private.mp4\n")
    with pytest.raises(InputError, match="not a video"):
        list(read_frames(playlist))


@pytest.mark.parametrize("failure", [KeyboardInterrupt, RuntimeError])
def test_interrupted_writing_leaves_the_old_file_and_nothing_else(tmp_path, failure):
    def frames():
        yield from numbered(3)
        raise failure

    target = tmp_path / "v.mp4"
    target.write_bytes(b"older video")
    with pytest.raises(failure):
        write_video(target, frames(), 10)
    assert os.listdir(tmp_path) == ["v.mp4"]
    assert target.read_bytes() == b"older video"


def test_a_place_that_cannot_be_written_is_bad_input(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="Cannot write"):
        write_video(tmp_path / "file" / "v.mp4", numbered(1), 10)
    with pytest.raises(InputError, match=r"end in \.mp4"):
        write_video(tmp_path / "v.txt", numbered(1), 10)
    with pytest.raises(InputError, match=r"end in \.gif"):
        write_gif(tmp_path / "v.mp4", numbered(1), 10)


@pytest.mark.parametrize(("height", "width"), [(32, 32), (200, 200), (40, 120), (64, 96)])
def test_fitting_covers_the_target_and_keeps_the_centre(height, width):
    picture = np.zeros((1, 64, 96, 3), np.uint8)
    picture[:, 28:36, 44:52] = 255
    fitted = fit_frames(picture, height, width)
    assert fitted.shape == (1, height, width, 3)
    ys, xs = np.nonzero(fitted[0, ..., 0] > 127)
    assert abs(ys.mean() - (height - 1) / 2) <= 1
    assert abs(xs.mean() - (width - 1) / 2) <= 1
    scale = max(height / 64, width / 96)
    assert len(ys) == pytest.approx((8 * scale) ** 2, rel=0.3)


@pytest.mark.parametrize(
    ("name", "frames", "fps"),
    [
        ("raw_basketball_60fps.mp4", 238, 59.84),
        ("raw_man_skiing.mp4", 91, 29.97),
        ("skeleton_one_person.MOV", 137, 30),
        ("skeleton_one_person.mp4", 225, 24),
    ],
)
def test_published_videos_are_read_whole(name, frames, fps):
    path = Path(__file__).parents[4] / "shared/real_videos" / name
    if not path.exists():
        pytest.skip("the published example videos are not here")
    info = probe(path)
    assert info.fps == pytest.approx(fps, abs=0.01)
    assert sum(1 for _ in read_frames(path)) == frames


def test_a_target_is_checked_without_touching_the_disk(tmp_path):
    check_target(tmp_path / "new" / "folder" / "v.mp4", ".mp4", ".mov")
    check_target(tmp_path / "keypoints.json")
    with pytest.raises(InputError, match=r"end in \.mp4"):
        check_target(tmp_path / "v.avi", ".mp4", ".mov")
    with pytest.raises(InputError, match="Cannot write"):
        check_target(tmp_path)
    assert os.listdir(tmp_path) == []


def test_frames_are_written_as_they_come_and_an_interrupted_video_leaves_nothing(tmp_path):
    frames = numbered(12)
    for writer, name in ((video_writer, "v.mp4"), (gif_writer, "v.gif")):
        with writer(tmp_path / name, 10) as write:
            for frame in frames:
                write(frame)
            assert not (tmp_path / name).exists()
        assert len(list(read_frames(tmp_path / name))) == len(frames)
        with pytest.raises(KeyboardInterrupt), writer(tmp_path / f"stopped_{name}", 10) as write:
            write(frames[0])
            raise KeyboardInterrupt
    assert sorted(os.listdir(tmp_path)) == ["v.gif", "v.mp4"]


def test_tags_in_another_encoding_do_not_matter(tmp_path):
    plain, path = tmp_path / "plain.mp4", tmp_path / "v.mp4"
    write_video(plain, numbered(2), 10)
    with av.open(str(plain)) as source, av.open(str(path), "w") as target:
        target.metadata["title"] = "cafe"
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    path.write_bytes(path.read_bytes().replace(b"cafe", "café".encode("latin-1")))
    assert len(list(read_frames(path))) == 2


def test_a_damaged_stretch_costs_some_frames_only(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (40, 64, 96, 3), np.uint8)
    path = encode(tmp_path / "v.avi", list(noise), codec="mjpeg", pix_fmt="yuvj420p")
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 2000] = bytes(2000)
    path.write_bytes(content)
    assert 30 <= len(list(read_frames(path))) <= 40
