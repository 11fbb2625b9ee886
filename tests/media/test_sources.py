"""Difficult sources: for any container, codec and clock, the numbers in the proxy are those that play."""

from __future__ import annotations

import subprocess
from fractions import Fraction

import av
import numpy as np
import pytest
from tracklay.cue import Picture
from tracklay.media.extract import extract_proxy
from tracklay.media.probe import read_video_header
from tracklay.timing import Rate, Span, TimeMap

from tests.clips import FFMPEG, encode
from tests.media.numbered_clips import SIZE, expected, numbered, numbers, read

X264 = ("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-g", "24", "-bf", "3")
X265 = ("-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-x265-params")
OPEN_264 = (*X264, "-x264-params", "open-gop=1:keyint=24:min-keyint=24:scenecut=0")
OPEN_265 = (*X265, "log-level=none:open-gop=1:keyint=24:bframes=3:b-adapt=0")
UNEVEN = ("-vf", "select=not(eq(mod(n\\,5)\\,3)+eq(mod(n\\,7)\\,2))", "-fps_mode", "passthrough")

MADE = {
    "long-gop.mp4": (*X264[:-4], "-g", "500", "-bf", "3"),
    "mov.mov": X264,
    "matroska.mkv": X264,
    "transport.ts": X264,
    "transport-late.ts": (*X264, "-output_ts_offset", "1000"),
    "late.mp4": (*X264, "-output_ts_offset", "5"),
    "late.mkv": (*X264, "-output_ts_offset", "5"),
    "no-edit-list.mp4": (*X264, "-use_editlist", "0"),
    "negative-offsets.mp4": (*X264, "-movflags", "negative_cts_offsets"),
    "fragmented.mp4": (*X264, "-movflags", "frag_keyframe+empty_moov"),
    "open-gop.mp4": OPEN_264,
    "open-gop.mkv": OPEN_264,
    "open-gop.ts": OPEN_264,
    "open-gop-hevc.mp4": OPEN_265,
    "open-gop-hevc.ts": OPEN_265,
    "intra-refresh.ts": (*X264[:-2], "-x264-params", "intra-refresh=1:keyint=24"),
    "ten-bit.mp4": (*X265[:-3], "-pix_fmt", "yuv420p10le", "-x265-params", "log-level=none"),
    "prores.mov": ("-c:v", "prores_ks", "-profile:v", "3", "-pix_fmt", "yuv422p10le"),
    "prores-4444.mov": ("-c:v", "prores_ks", "-profile:v", "4", "-pix_fmt", "yuva444p10le"),
    "dnxhr.mov": ("-c:v", "dnxhd", "-profile:v", "dnxhr_hqx", "-pix_fmt", "yuv422p10le", "-vf", "scale=320:192"),
    "dnxhr.mxf": ("-c:v", "dnxhd", "-profile:v", "dnxhr_sq", "-pix_fmt", "yuv422p", "-vf", "scale=320:192"),
    "motion-jpeg.avi": ("-c:v", "mjpeg", "-q:v", "3", "-pix_fmt", "yuvj420p"),
    "animation.mov": ("-c:v", "qtrle", "-pix_fmt", "argb"),
    "uneven.mp4": (*X264, *UNEVEN),
    "uneven.mkv": (*X264, *UNEVEN),
    "fields.mp4": (*X264, "-vf", "setfield=tff", "-flags", "+ilme+ildct"),
    "vp9.webm": ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-pix_fmt", "yuv420p"),
}
"""ffmpeg's options for each source, by its file name."""

COPIED = {
    "cut-within-a-gop.mp4": (["-ss", "1.32"], X264, []),
    "cut-within-an-open-gop.mp4": (["-ss", "1.32"], OPEN_264, []),
    "turned-upside-down.mp4": (["-display_rotation", "180"], X264, []),
    "turned.mp4": (["-display_rotation", "90"], X264, []),
    "begins-within-a-gop.ts": (["-seek_timestamp", "1", "-ss", "2.0"], OPEN_264, ["-copyinkf"]),
}
"""Sources that are copies: options before ffmpeg's input, how the input was encoded, options for the output."""

TURNS = {"turned-upside-down.mp4": 2, "turned.mp4": 1}
"""Quarter turns by which a source is rotated for display."""

RATE = Fraction(25)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Return a function that gives the path of a source by its name; each is written once."""
    folder = tmp_path_factory.mktemp("sources")

    def made(name: str):
        path = folder / name
        if path.exists():
            return path
        if name in MADE:
            return numbered(path, RATE, 130, *MADE[name])
        before, options, after = COPIED[name]
        whole = numbered(folder / f"whole-{name}", RATE, 130, *options)
        command = [FFMPEG, "-v", "error", *before, "-i", str(whole), "-c", "copy", *after, str(path)]
        subprocess.run(command, check=True)
        return path

    return made


def played(path) -> list[tuple[Fraction, int]]:
    """Return the frames that a player shows, as PyAV decodes the whole file: seconds from the first one, and number."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        base = stream.time_base or Fraction(1)
        frames = [(Fraction(frame.pts or 0) * base, frame) for frame in container.decode(stream)]
    first = frames[0][0]
    return [(time - first, read(frame.to_ndarray(format="gray"))) for time, frame in frames]


def upright(path, turns: int) -> list[int]:
    """Return the numbers in a proxy whose source is rotated by quarter turns."""
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="gray") for frame in container.decode(container.streams.video[0])]
    return [read(np.rot90(frame, -turns)) for frame in frames]


def on_screen(frames: list[tuple[Fraction, int]], at: Fraction, rate: Fraction) -> int:
    """Return the number on screen at a source time."""
    looked_up = Fraction(expected(at, rate)) / rate
    return max(number for time, number in frames if time <= looked_up + Fraction(1, 1000))


@pytest.mark.parametrize("name", [*MADE, *COPIED])
def test_every_source_is_extracted_as_it_plays(each_ffmpeg, source, tmp_path, name):
    """From its first frame, across key frames, for one frame, backwards and slowly: the right numbers at the right times."""
    path = source(name)
    frames = played(path)
    rate = read_video_header(path).rate
    assert rate.fps == RATE or name.startswith("uneven")
    own = Rate(RATE)
    for first, count in ((0, 30), (47, 28), (24, 1), (61, 1)):
        if rate.frames(frames[-1][0]) < first + count:
            continue
        span = Span(first, count, own)
        begin, end = span.start_seconds, own.seconds(span.end)
        plays = Picture(path, TimeMap.linear(span, begin), rate=own)
        proxy = extract_proxy(plays, span, tmp_path / "proxy.mp4")
        opening = on_screen(frames, begin, RATE)
        later = [(time, number) for time, number in frames if number > opening and time < end - Fraction(1, 1000)]
        assert upright(proxy.path, TURNS.get(name, 0)) == [opening, *(number for _, number in later)], (first, count)
        for at, (time, _) in zip(proxy.times[1:], later, strict=True):
            assert abs(at - (time - begin)) < Fraction(1, 900)
    for speed in (Fraction(-1), Fraction(1, 3)):
        span = Span(0, 30, own)
        plays = Picture(path, TimeMap.linear(span, Fraction(52, 25), speed), rate=own)
        proxy = extract_proxy(plays, span, tmp_path / "proxy.mp4")
        wanted = [on_screen(frames, Fraction(52, 25) + own.seconds(frame) * speed, RATE) for frame in range(30)]
        assert upright(proxy.path, TURNS.get(name, 0)) == wanted


def combed(path, *options: str):
    """Write a clip of a bar that moves from field to field: its edges are combs."""
    frames = np.full((12, 96, 160), 16, np.uint8)
    for number, frame in enumerate(frames):
        frame[::2, number * 10 : number * 10 + 30] = 235
        frame[1::2, number * 10 + 15 : number * 10 + 45] = 235
    return encode(path, frames, (160, 96), RATE, "-c:v", "libx264", "-qp", "4", "-pix_fmt", "yuv420p", *options)


@pytest.mark.parametrize(("options", "comb"), [((), True), (("-vf", "setfield=tff", "-flags", "+ilme+ildct"), False)])
def test_only_frames_flagged_as_interlaced_are_deinterlaced(tmp_path, options, comb):
    """A picture of fine lines is unchanged; two fields become one."""
    path = combed(tmp_path / "source.mp4", *options)
    span = Span(0, 10, Rate(RATE))
    proxy = extract_proxy(Picture(path, TimeMap.linear(span, Fraction(0))), span, tmp_path / "proxy.mp4")
    with av.open(str(proxy.path)) as container:
        frame = list(container.decode(container.streams.video[0]))[5].to_ndarray(format="gray").astype(int)
    jump = np.abs(
        np.diff(frame[20:76, 52:63], axis=0)
    ).mean()  # within the first field's bar, before the second's begins
    assert jump > 150 if comb else jump < 30


@pytest.mark.parametrize(
    "codec",
    [("prores_ks", "-profile:v", "4", "-pix_fmt", "yuva444p10le"), ("qtrle", "-pix_fmt", "argb"), ("png",)],
)
def test_transparent_parts_are_black(tmp_path, codec):
    """As in the editor: fully transparent white is invisible."""
    path = tmp_path / "source.mov"
    half = "geq=r=255:g=255:b=255:a='255*lt(X,80)'"
    making = ["-f", "lavfi", "-i", "color=white:s=160x96:r=25:d=0.4,format=rgba", "-vf", half, "-c:v", *codec]
    subprocess.run([FFMPEG, "-v", "error", *making, str(path)], check=True)
    span = Span(0, 10, Rate(RATE))
    proxy = extract_proxy(Picture(path, TimeMap.linear(span, Fraction(0))), span, tmp_path / "proxy.mp4")
    with av.open(str(proxy.path)) as container:
        frame = next(container.decode(container.streams.video[0])).to_ndarray(format="gray").astype(int)
    assert frame[:, 8:70].min() > 225
    assert frame[:, 90:].max() < 25


def test_a_long_reverse_holds_no_more_than_a_window(tmp_path, monkeypatch):
    """It is sorted window by window: never are more frames in memory than one window has."""
    from tracklay.media.playback import plan_decoder

    path = numbered(tmp_path / "source.mp4", RATE, 900, *X264[:-4], "-g", "30")
    span = Span(0, 900, Rate(RATE))
    held = []
    follow = plan_decoder._decode_ascending

    def counted(*arguments):
        pairs = list(follow(*arguments))
        held.append(len(pairs))
        return iter(pairs)

    monkeypatch.setattr(plan_decoder, "_decode_ascending", counted)
    proxy = extract_proxy(
        Picture(path, TimeMap.linear(span, Fraction(899, 25), Fraction(-1))), span, tmp_path / "proxy.mp4"
    )
    assert numbers(proxy.path) == list(range(899, -1, -1))
    assert max(held) <= 128
    assert len(held) == 8  # windows end on key frames: 900 frames by 120 at a time


def test_sizes_of_an_odd_number_of_pixels_are_made_even(tmp_path):
    """H.264 in 4:2:0 needs even sides."""
    path = numbered(tmp_path / "source.mkv", RATE, 3, "-c:v", "ffv1", "-pix_fmt", "yuv444p", size=(SIZE[0] + 1, 97))
    span = Span(0, 3, Rate(RATE))
    proxy = extract_proxy(Picture(path, TimeMap.linear(span, Fraction(0))), span, tmp_path / "proxy.mp4")
    with av.open(str(proxy.path)) as container:
        stream = container.streams.video[0]
        assert (stream.width % 2, stream.height % 2) == (0, 0)
