"""Files whose packets have no times of their own, whose clock is set back, or whose seeks are guesses: the frames are those that play."""

from __future__ import annotations

import struct
import subprocess
from fractions import Fraction

import pytest
from tracklay.cue import Picture
from tracklay.errors import InvalidInput
from tracklay.media.extract import extract_proxy
from tracklay.media.ffmpeg_program import major_version
from tracklay.media.packets import index_packets, seek_is_exact
from tracklay.media.probe import probe_video, read_video_header
from tracklay.timing import Rate, Span, TimeMap

from tests.bit_writer import field_stream
from tests.clips import FFMPEG
from tests.media.numbered_clips import numbered, numbers

RATE = Rate(Fraction(25))
X264 = ("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-g", "24", "-bf", "2")
MPEG2 = ("-c:v", "mpeg2video", "-q:v", "2", "-bf", "2", "-g", "12")
XVID = ("-c:v", "mpeg4", "-q:v", "2", "-bf", "2", "-vtag", "XVID")


def spans(path, *ranges: tuple[int, int]) -> list[list[int]]:
    """Return the numbers in the proxies of spans (first frame, number of frames), read as the file itself counts."""
    found = []
    for first, count in ranges:
        span = Span(first, count, RATE)
        picture = Picture(path, TimeMap.linear(span, span.start_seconds), rate=RATE)
        found.append(numbers(extract_proxy(picture, span, path.with_name("proxy.mp4")).path))
    return found


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("h264.avi", X264),
        ("xvid.avi", XVID),
        ("program.mpg", MPEG2),
        ("dvd.vob", (*MPEG2, "-f", "vob")),
        ("times-of-decoding.mxf", X264),
        ("raw.h264", X264),
        ("raw.m2v", MPEG2),
        ("animation.apng", ("-c:v", "apng", "-f", "apng")),
        ("animation.gif", ("-c:v", "gif")),
        ("raw.mjpeg", ("-c:v", "mjpeg")),
        ("palettes.mkv", ("-c:v", "gif")),
    ],
)
def test_every_frame_plays_at_its_time(each_ffmpeg, tmp_path, name, options):
    """From the first to the last, and from the middle."""
    path = numbered(tmp_path / name, RATE.fps, 90, *options)
    video = probe_video(path)[1]
    assert (video.rate, video.frames, video.is_variable) == (RATE, 90, False)
    assert spans(path, (0, 90), (41, 20)) == [list(range(90)), list(range(41, 61))]


@pytest.mark.parametrize("rate", [RATE, Rate(Fraction(30000, 1001))])
def test_numbers_of_pictures_are_no_times(each_ffmpeg, tmp_path, rate):
    """A raw Dirac stream numbers its pictures: ffmpeg takes the numbers for ticks, of which a second has a million."""
    path = numbered(tmp_path / "raw.drc", rate.fps, 60, "-c:v", "vc2", "-strict", "-2")
    video = probe_video(path)[1]
    assert (video.rate, video.frames, video.is_variable) == (rate, 60, False)
    if rate == RATE:
        assert spans(path, (0, 60), (41, 10)) == [list(range(60)), list(range(41, 51))]


@pytest.mark.parametrize("codec", ["h263", "h261"])
def test_a_raw_stream_of_a_codec_with_one_rate_has_it_from_its_first_frame_on(each_ffmpeg, tmp_path, codec):
    """ffmpeg counts the first packets at 25 frames per second, before it knows the codec."""
    path = numbered(tmp_path / f"raw.{codec}", Fraction(30000, 1001), 30, "-c:v", codec, size=(176, 144))
    video = probe_video(path)[1]
    assert (video.rate, video.frames, video.is_variable) == (Rate(Fraction(30000, 1001)), 30, False)


@pytest.mark.parametrize(("suffix", "options"), [("ts", X264), ("mpg", MPEG2)])
def test_joined_recordings_run_on(each_ffmpeg, tmp_path, suffix, options):
    """Each begins at the same time again: the second follows the first, as in a player."""
    first = numbered(tmp_path / f"first.{suffix}", RATE.fps, 50, *options)
    again = numbered(tmp_path / f"again.{suffix}", RATE.fps, 60, *options)
    path = tmp_path / f"both.{suffix}"
    path.write_bytes(first.read_bytes() + again.read_bytes())
    video = probe_video(path)[1]
    assert (video.rate, video.frames, video.runs_on) == (RATE, 110, True)
    assert spans(path, (0, 110), (40, 30), (80, 20)) == [
        [*range(50), *range(60)],
        [*range(40, 50), *range(20)],
        list(range(30, 50)),
    ]


def test_a_seek_by_guess_is_not_believed(each_ffmpeg, tmp_path):
    """The index of an MXF is at its end. In a file that was cut off a seek gives packets the times that were asked for."""
    whole = numbered(tmp_path / "whole.mxf", RATE.fps, 130, *MPEG2)
    assert spans(whole, (100, 20)) == [list(range(100, 120))]
    path = tmp_path / "cut.mxf"
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size * 17 // 20])
    header = read_video_header(path)
    if header.has_pts:
        options = {"seek_timestamp": 1, "ss": "3.0", "noaccurate_seek": None}
        assert not seek_is_exact(path, index_packets(path), options)
    assert 100 < probe_video(path)[1].frames < 130
    assert spans(path, (0, 20), (61, 20)) == [list(range(20)), list(range(61, 81))]


def test_two_fields_are_one_frame(each_ffmpeg, tmp_path):
    """AVCHD and broadcasts code each field as a picture, with a packet of its own: the rate is that of the frames."""
    raw, path = tmp_path / "fields.h264", tmp_path / "fields.ts"
    raw.write_bytes(field_stream(frames=30))
    copying = ["-f", "h264", "-framerate", "50", "-i", str(raw), "-c", "copy"]
    setting = ["-bsf:v", "setts=pts=N*24000:dts=N*24000:duration=24000"]  # of 1,200,000 a second
    setting += ["-f", "mpegts"]
    subprocess.run([FFMPEG, "-v", "error", *copying, *setting, str(path)], check=True)
    assert len(index_packets(path).times) == 60
    video = probe_video(path)[1]
    assert (video.rate, video.frames) == (RATE, 30)


def jittered(path, ticks: list[int], timescale: int):
    """Write a clip of one frame at each time, in ticks; its container counts `timescale` ticks a second."""
    times = "+".join(f"eq(N\\,{number})*{tick}" for number, tick in enumerate(ticks))
    options = ["-c:v", "libx264", "-bf", "0", "-fps_mode", "passthrough", "-enc_time_base", f"1:{timescale}"]
    making = ["-f", "lavfi", "-i", f"testsrc=s=64x64:r=25:d={len(ticks) / 25}"]
    filters = ["-vf", f"settb=1/{timescale},setpts={times}"]
    command = [FFMPEG, "-v", "error", *making, *filters, *options, "-video_track_timescale", str(timescale), str(path)]
    subprocess.run(command, check=True)
    return path


def test_a_phones_uneven_clock_has_the_rate_of_its_frames(tmp_path):
    """29.97 frames a second, a few ticks early or late; the length is that of all frames, not a multiple of a rounded average."""
    ticks = [round(n * 600 * 1001 / 30000) + (n * 7 % 5 - 2) * (n > 0) for n in range(77)]
    video = probe_video(jittered(tmp_path / "phone.mov", ticks, 600))[1]
    assert abs(video.rate.fps - Fraction(30000, 1001)) < Fraction(1, 5)
    assert video.frames == 77
    assert video.rate.seconds(77) == video.end - video.start


def test_an_average_in_the_header_is_not_believed(tmp_path):
    """The header's average counts frames that an edit list hides: the frames that are shown say another rate."""
    ticks = [round(n * 600 * 1001 / 30000) for n in range(80)]
    path = jittered(tmp_path / "phone.mov", ticks, 600)
    data = bytearray(path.read_bytes())
    at = data.find(b"mdhd")  # the track's length, from which ffmpeg computes the average
    (length,) = struct.unpack_from(">I", data, at + 20)
    struct.pack_into(">I", data, at + 20, length * 107 // 100)
    path.write_bytes(data)
    assert probe_video(path)[1].rate.fps == Fraction(30000, 1001)


def test_an_extremely_uneven_stream_is_as_long_as_it_is_shown(tmp_path):
    """The end is that of the last frame, to the tick."""
    ticks = [0]
    for number in range(1, 60):
        ticks.append(ticks[-1] + (1, 9, 30, 4, 77)[number % 5])
    video = probe_video(jittered(tmp_path / "uneven.mov", ticks, 600))[1]
    assert video.is_variable
    assert video.rate.seconds(video.frames) == video.end - video.start
    assert video.end - video.start > Fraction(ticks[-1], 600)


def test_an_animated_image_that_ffmpeg_takes_for_a_still_is_refused(each_ffmpeg, tmp_path):
    """ffmpeg 5 plays an animated AVIF; later ones put its still picture first."""
    path = numbered(tmp_path / "moving.avif", RATE.fps, 3, "-c:v", "libaom-av1", "-cpu-used", "8", "-usage", "realtime")
    if major_version() == 5:
        assert probe_video(path)[1].frames == 3
        return
    with pytest.raises(InvalidInput, match="animated image"):
        probe_video(path)
