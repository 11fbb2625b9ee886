"""Extraction: exactly the frames of the span, at their own times, small and silent."""

from __future__ import annotations

import threading
from fractions import Fraction
from itertools import pairwise

import av
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tracklay.cancellation import CancelToken
from tracklay.cue import Picture
from tracklay.errors import Cancelled, MediaError
from tracklay.media.extract import extract_proxy, extract_still, read_luma_frames
from tracklay.media.probe import frame_times, probe_media
from tracklay.timing import Rate, Span, TimeMap

from tests.media.numbered_clips import expected, numbered, numbers


def straight(source, rate, first: int, count: int, to, **options):
    """Extract the proxy of `count` source frames from `first` on, at their own rate."""
    span = Span(first, count, Rate(rate))
    return extract_proxy(Picture(source, TimeMap.linear(span, span.start_seconds)), span, to, **options)


@pytest.mark.parametrize("rate", [Fraction(24000, 1001), Fraction(25), Fraction(30000, 1001), Fraction(60000, 1001)])
@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_the_proxy_has_exactly_the_frames_of_the_span(each_ffmpeg, tmp_path, rate, suffix):
    """First frame, last frame, all between, at their own times from 0, in each container."""
    source = numbered(tmp_path / f"source.{suffix}", rate, 130)
    proxy = straight(source, rate, 37, 64, tmp_path / "proxy.mp4")
    assert numbers(proxy.path) == list(range(37, 101))
    tolerance = {"mp4": 0, "mkv": Fraction(1, 1000), "ts": Fraction(2, 90_000)}[suffix]  # the containers' own ticks
    assert all(abs(time - n / rate) <= tolerance for n, time in enumerate(proxy.times))
    assert proxy.times[0] == 0


@pytest.fixture(scope="module")
def long_gop(tmp_path_factory):
    """A clip with B-frames and a single key frame."""
    path = tmp_path_factory.mktemp("gop") / "source.mp4"
    options = ("-c:v", "libx264", "-preset", "medium", "-g", "1000", "-bf", "3", "-pix_fmt", "yuv420p")
    return numbered(path, Fraction(24000, 1001), 200, *options)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 199), st.integers(1, 60))
def test_any_span_of_a_long_gop_is_cut_on_its_frames(long_gop, tmp_path, start, count):
    """Cuts need no key frame."""
    end = min(200, start + count)
    proxy = straight(long_gop, Fraction(24000, 1001), start, end - start, tmp_path / "proxy.mp4")
    assert numbers(proxy.path) == list(range(start, end))


def test_a_span_between_frames_begins_with_the_frame_on_screen(tmp_path):
    """A span that begins between two source frames begins with the nearer one, at 0; the others keep their own times."""
    source = numbered(tmp_path / "source.mp4", Fraction(30), 60)
    span = Span(0, 10, Rate(Fraction(24)))
    proxy = extract_proxy(Picture(source, TimeMap.linear(span, Fraction(41, 120))), span, tmp_path / "proxy.mp4")
    assert numbers(proxy.path) == list(range(10, 23))
    assert proxy.times == (0, *(Fraction(n, 30) - Fraction(41, 120) for n in range(11, 23)))


def test_a_source_played_slower_is_as_slow_in_its_proxy(tmp_path):
    """25 fps frame for frame on a 24 fps timeline: 50 frames last 50/24 s."""
    source = numbered(tmp_path / "source.mp4", Fraction(25), 60)
    span = Span(0, 50, Rate(Fraction(24)))
    proxy = extract_proxy(
        Picture(source, TimeMap.linear(span, Fraction(0), Fraction(24, 25))), span, tmp_path / "proxy.mp4"
    )
    assert numbers(proxy.path) == list(range(50))
    assert proxy.seconds == Fraction(50, 24)
    assert proxy.times == tuple(Fraction(n, 24) for n in range(50))


MAPS = {
    "backwards": ((0, 80), (40, 40)),
    "backwards, fast": ((0, 100), (30, 10)),
    "backwards, slow": ((0, 50), (40, 37)),
    "slow": ((0, 20), (40, 33)),
    "fast": ((0, 5), (40, 105)),
    "time-lapse": ((0, 0), (10, 110)),
    "freeze": ((0, 33), (20, 33)),
    "forward, freeze, back, forward": ((0, 30), (12, 42), (20, 42), (30, 32), (40, 42)),
    "to and fro": ((0, 50), (4, 54), (8, 50), (12, 54), (16, 50), (20, 54), (24, 50)),
    "a transition from fast to slow": tuple((n, 30 + n * 2 - n * n / 32) for n in range(33)),
}


@pytest.mark.parametrize("fps", [Fraction(24000, 1001), Fraction(25), Fraction(60000, 1001)])
@pytest.mark.parametrize("name", MAPS)
def test_a_retimed_strip_is_extracted_as_it_plays(retimed_source, tmp_path, name, fps):
    """For each map, the proxy shows at each timeline frame the source frame that the map gives."""
    span = Span(0, MAPS[name][-1][0], Rate(fps))
    points = tuple((Fraction(frame), Fraction(number) / 25) for frame, number in MAPS[name])
    proxy = extract_proxy(Picture(retimed_source, TimeMap(points)), span, tmp_path / "proxy.mp4")
    assert proxy.times == frame_times(proxy.path)
    assert proxy.times[0] == 0
    assert proxy.seconds == span.seconds
    shown = numbers(proxy.path)
    on_screen = [
        max(
            (time, number) for time, number in zip(proxy.times, shown, strict=True) if time <= span.rate.seconds(frame)
        )[1]
        for frame in range(span.frames)
    ]
    wanted = [expected(TimeMap(points).source_seconds(frame), Fraction(25)) for frame in range(span.frames)]
    if any(
        b > a + 1 for a, b in pairwise(wanted)
    ):  # source frames between two timeline frames are kept, at their own times
        assert all(abs(a - b) <= 1 for a, b in zip(on_screen, wanted, strict=True))
    else:
        assert on_screen == wanted


@pytest.fixture(scope="module")
def retimed_source(tmp_path_factory):
    """A clip with B-frames and a key frame each 16 frames."""
    path = tmp_path_factory.mktemp("retimed") / "source.mp4"
    return numbered(
        path, Fraction(25), 130, "-c:v", "libx264", "-preset", "veryfast", "-g", "16", "-pix_fmt", "yuv420p"
    )


points_of_a_map = st.lists(st.tuples(st.integers(1, 20), st.integers(0, 119)), min_size=1, max_size=4).map(
    lambda steps: ((0, 60), *((sum(s[0] for s in steps[: n + 1]), steps[n][1]) for n in range(len(steps))))
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(points_of_a_map)
def test_any_map_shows_the_right_frame(retimed_source, tmp_path, points):
    """For segments of any speed and direction, each timeline frame shows the frame that the map gives."""
    span = Span(0, points[-1][0], Rate(Fraction(25)))
    time_map = TimeMap(tuple((Fraction(frame), Fraction(number, 25)) for frame, number in points))
    proxy = extract_proxy(Picture(retimed_source, time_map), span, tmp_path / "proxy.mp4")
    shown = dict(zip(proxy.times, numbers(proxy.path), strict=True))
    for frame in range(span.frames):
        at = span.rate.seconds(frame)
        number = shown[max(time for time in shown if time <= at)]
        wanted = expected(time_map.source_seconds(frame), Fraction(25))
        assert number == wanted or at not in shown or number == wanted - 1


def test_a_proxy_is_padded_to_the_length_that_a_model_needs(tmp_path):
    """With a minimum length the last frame is repeated."""
    source = numbered(tmp_path / "source.mp4", Fraction(25), 20)
    proxy = straight(source, Fraction(25), 5, 10, tmp_path / "proxy.mp4", min_seconds=Fraction(1))
    assert numbers(proxy.path) == [*range(5, 15), *[14] * 15]
    assert proxy.seconds == 1
    assert proxy.times == tuple(Fraction(n, 25) for n in range(25))


def test_a_still_of_a_proxy_is_its_middle_frame(tmp_path):
    """For models that take a single image."""
    source = numbered(tmp_path / "source.mp4", Fraction(25), 21)
    proxy = straight(source, Fraction(25), 0, 21, tmp_path / "proxy.mp4")
    assert numbers(extract_still(proxy, tmp_path / "still.png")) == [10]


@pytest.mark.parametrize(
    ("size", "small"),
    [
        ((1280, 720), (682, 384)),
        ((720, 1280), (384, 682)),
        ((98, 66), (98, 66)),
        ((384, 384), (384, 384)),
        ((1000, 202), (1000, 202)),
    ],
)
def test_proxies_are_small_even_and_never_enlarged(tmp_path, size, small):
    """A longer short side becomes 384 pixels; both sides are even."""
    source = numbered(tmp_path / "source.mp4", Fraction(25), 3, size=size)
    proxy = straight(source, Fraction(25), 0, 3, tmp_path / "proxy.mp4")
    with av.open(str(proxy.path)) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height) == small
        assert stream.pix_fmt == "yuv420p"
        assert stream.codec_context.name == "h264"
        assert stream.start_time == 0
        assert not container.streams.audio


def test_pixels_are_square_in_the_proxy(tmp_path):
    """A 720x576 picture shown 16:9 is 16:9 in the proxy."""
    options = ("-c:v", "libx264", "-pix_fmt", "yuv420p", "-vf", "setsar=64/45")
    source = numbered(tmp_path / "source.mp4", Fraction(25), 3, *options, size=(720, 576))
    proxy = straight(source, Fraction(25), 0, 3, tmp_path / "proxy.mp4")
    with av.open(str(proxy.path)) as container:
        stream = container.streams.video[0]
        assert stream.width / stream.height == pytest.approx(16 / 9, rel=0.01)


def test_the_frames_of_a_proxy_are_read_as_luma(tmp_path):
    """One low-resolution array per frame."""
    source = numbered(tmp_path / "source.mp4", Fraction(25), 7)
    proxy = straight(source, Fraction(25), 0, 7, tmp_path / "proxy.mp4")
    frames = list(read_luma_frames(proxy, 40, 24))
    assert len(frames) == len(proxy.times) == 7
    assert {frame.shape for frame in frames} == {(24, 40)}
    third = list(read_luma_frames(proxy, 40, 24, step=3))
    assert [frame.tolist() for frame in third] == [frame.tolist() for frame in frames[::3]]


def test_cancelling_kills_ffmpeg_and_leaves_no_file(tmp_path):
    """The token reaches a running extraction; neither a file nor a part of one is left."""
    source = numbered(tmp_path / "source.mp4", Fraction(60), 900, size=(960, 540))
    token, out = CancelToken(), tmp_path / "out"
    out.mkdir()

    def cancel() -> None:
        while not any(out.iterdir()):
            pass
        token.cancel()

    thread = threading.Thread(target=cancel)
    thread.start()
    with pytest.raises(Cancelled):
        straight(source, Fraction(60), 0, 900, out / "proxy.mp4", cancel_token=token)
    thread.join()
    assert list(out.iterdir()) == []


def test_a_file_that_ends_before_the_span_is_an_error(tmp_path):
    """A file that was truncated since the cue was made gives an error and no proxy."""
    source = numbered(tmp_path / "source.ts", Fraction(25), 100)
    short = tmp_path / "short.ts"
    short.write_bytes(source.read_bytes()[: source.stat().st_size // 3])
    for first in (20, 75):
        with pytest.raises(MediaError, match=r"Could not extract short\.ts: .* The file may be truncated\."):
            straight(short, Fraction(25), first, 25, tmp_path / "proxy.mp4")
    assert not (tmp_path / "proxy.mp4").exists()


def test_a_proxy_is_a_media_file_like_any_other(tmp_path):
    """Its rate and length are the span's."""
    source = numbered(tmp_path / "source.mp4", Fraction(30000, 1001), 60)
    proxy = straight(source, Fraction(30000, 1001), 10, 30, tmp_path / "proxy.mp4")
    again = probe_media(proxy.path).video
    assert again is not None
    assert (again.rate.fps, again.frames, again.start) == (Fraction(30000, 1001), 30, Fraction(0))
