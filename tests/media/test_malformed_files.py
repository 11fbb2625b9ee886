"""Malformed files: a clear error or the right frames, and no hang."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import time
from bisect import bisect_right
from fractions import Fraction
from pathlib import Path

import pytest
from tracklay.cue import Picture
from tracklay.errors import InvalidInput, MediaError
from tracklay.media import ffmpeg, ffmpeg_program
from tracklay.media.extract import extract_proxy
from tracklay.media.packets import decoded_times
from tracklay.media.probe import probe_media, read_video_header
from tracklay.timing import Rate, Span, TimeMap

from tests.clips import FFMPEG
from tests.media.numbered_clips import numbered, numbers

RATE = Rate(Fraction(25))
X264 = ("-c:v", "libx264", "-preset", "veryfast", "-g", "24", "-pix_fmt", "yuv420p")


def cut(source, to, first: int, count: int):
    """Return the numbers in the proxy of `count` frames from `first` on."""
    span = Span(first, count, RATE)
    return numbers(extract_proxy(Picture(source, TimeMap.linear(span, span.start_seconds)), span, to).path)


def boxes(data: bytes, kind: bytes) -> list[int]:
    """Return the offsets of the contents of an MP4's boxes of a kind."""
    found, at = [], data.find(kind)
    while at >= 0:
        found.append(at + 4)
        at = data.find(kind, at + 4)
    return found


@pytest.mark.parametrize("factor", [100, 0])
def test_a_wrong_duration_changes_nothing(tmp_path, factor):
    """The header gives a hundredfold length, or none: the frames have their own times."""
    source = numbered(tmp_path / "source.mp4", RATE.fps, 100, *X264)
    data = bytearray(source.read_bytes())
    for kind, offset in ((b"mvhd", 16), (b"tkhd", 20), (b"mdhd", 16)):
        for at in boxes(bytes(data), kind):
            (length,) = struct.unpack_from(">I", data, at + offset)
            struct.pack_into(">I", data, at + offset, length * factor)
    source.write_bytes(data)
    video = probe_media(source).video
    assert video is not None
    assert video.frames == 100
    assert cut(source, tmp_path / "proxy.mp4", 61, 20) == list(range(61, 81))


def test_a_broken_index_is_an_error(tmp_path):
    """The index points past the end: no frame can be decoded, and the error names the file."""
    source = numbered(tmp_path / "source.mp4", RATE.fps, 100, *X264)
    data = bytearray(source.read_bytes())
    for at in boxes(bytes(data), b"stco"):
        (count,) = struct.unpack_from(">I", data, at + 4)
        for chunk in range(count):
            struct.pack_into(">I", data, at + 8 + 4 * chunk, 0x7FFFFFF0)
    source.write_bytes(data)
    with pytest.raises((InvalidInput, MediaError), match=r"source\.mp4"):
        cut(source, tmp_path / "proxy.mp4", 10, 20)


@pytest.mark.parametrize("suffix", ["mkv", "avi"])
def test_a_missing_index_is_not_needed(tmp_path, suffix):
    """The indexes of Matroska and AVI are at the end of the file; the frames before a truncated end still play."""
    source = numbered(tmp_path / f"source.{suffix}", RATE.fps, 130, *X264)
    data = source.read_bytes()
    source.write_bytes(data[: len(data) * 4 // 5])
    assert cut(source, tmp_path / "proxy.mp4", 61, 20) == list(range(61, 81))


def test_a_missing_end_is_an_error(tmp_path):
    """A truncated copy: frames before its end play, a span beyond gives an error with the times."""
    source = numbered(tmp_path / "source.mp4", RATE.fps, 130, *X264, "-movflags", "+faststart")
    data = source.read_bytes()
    source.write_bytes(data[: len(data) * 2 // 3])
    assert cut(source, tmp_path / "proxy.mp4", 10, 30) == list(range(10, 40))
    with pytest.raises(
        MediaError, match=r"source\.mp4: it ends at \d\.\d+ s, .* until 4\.80 s\. The file may be truncated\."
    ):
        cut(source, tmp_path / "late.mp4", 20, 100)
    with pytest.raises(MediaError, match=r"source\.mp4: .* The file may be truncated\."):
        cut(source, tmp_path / "after.mp4", 115, 10)
    assert not (tmp_path / "late.mp4").exists()


def test_a_few_missing_frames_are_replaced_by_the_last(tmp_path):
    """A span that exceeds the file by a few frames shows its last frame, as editors do."""
    source = numbered(tmp_path / "source.mp4", RATE.fps, 50, *X264)
    assert cut(source, tmp_path / "proxy.mp4", 40, 15) == list(range(40, 50))
    span = Span(0, 20, RATE)
    held = extract_proxy(
        Picture(source, TimeMap.linear(span, Fraction(54, 25), Fraction(-1))), span, tmp_path / "held.mp4"
    )
    assert numbers(held.path) == [49] * 5 + list(range(49, 34, -1))


@pytest.mark.parametrize("rate", [(0, 1), (25, 0), (0, 0)])
def test_a_stream_with_an_invalid_rate_still_plays(tmp_path, rate):
    """The header of an AVI gives 0 frames per second, or a scale of 0: the rate is that of its frames."""
    source = numbered(tmp_path / "source.avi", RATE.fps, 50, *X264)
    data = bytearray(source.read_bytes())
    struct.pack_into("<II", data, data.find(b"strh") + 28, rate[1], rate[0])
    source.write_bytes(data)
    assert cut(source, tmp_path / "proxy.mp4", 5, 10) == list(range(5, 15))


def test_a_pipe_and_an_empty_file_are_refused_at_once(tmp_path):
    """None of them is opened: a pipe without a writer would block for ever."""
    pipe, empty = tmp_path / "pipe.mp4", tmp_path / "empty.mp4"
    os.mkfifo(pipe)
    empty.touch()
    for path, message in (
        (pipe, "Not a file"),
        (empty, "The file is empty"),
        (tmp_path / "none.mp4", "File not found"),
    ):
        with pytest.raises(InvalidInput, match=message):
            read_video_header(path)


def test_a_read_that_stalls_is_an_error(tmp_path, monkeypatch):
    """A read from a lost drive never returns: after the time limit ffmpeg is killed."""
    stalled = tmp_path / "ffmpeg"
    stalled.write_text(f"#!{sys.executable}\nimport time\ntime.sleep(60)\n")
    stalled.chmod(0o755)
    monkeypatch.setenv("TRACKLAY_FFMPEG", str(stalled))
    ffmpeg_program.find_ffmpeg.cache_clear()
    source = tmp_path / "source.mp4"
    source.write_bytes(b"anything")
    begun = time.monotonic()
    with pytest.raises(MediaError, match=r"Could not read it: no output from ffmpeg for 0 s\. Check that the drive"):
        list(
            ffmpeg.read_stdout(
                ffmpeg.input_stream(source).output("pipe:", format="null"), "Could not read it", 16, timeout_seconds=0.2
            )
        )
    assert time.monotonic() - begun < 30
    monkeypatch.undo()
    ffmpeg_program.find_ffmpeg.cache_clear()


def test_a_huge_still_becomes_a_small_proxy(tmp_path):
    """An image of 15,360 x 8,640 pixels."""
    still = tmp_path / "huge.png"
    making = ["-f", "lavfi", "-i", "color=gray:s=15360x8640:d=0.04:r=25", "-frames:v", "1", "-pix_fmt", "gray"]
    subprocess.run([FFMPEG, "-v", "error", *making, "-update", "1", str(still)], check=True)
    span = Span(0, 3, RATE)
    picture = Picture(tmp_path, TimeMap.linear(span, Fraction(0)), ("huge.png",), RATE)
    proxy = extract_proxy(picture, span, tmp_path / "proxy.mp4")
    video = read_video_header(proxy.path)
    assert video.size == (682, 384)
    assert len(proxy.times) == 3


def test_a_picture_that_changes_its_size_is_scaled_to_the_first(each_ffmpeg, tmp_path):
    """Two recordings in one transport stream, as browsers make them: a proxy has one size."""
    source = numbered(tmp_path / "source.ts", RATE.fps, 30, *X264, "-bf", "0")
    other = numbered(
        tmp_path / "other.ts", RATE.fps, 30, *X264, "-bf", "0", "-output_ts_offset", "1.2", "-vf", "scale=320:192"
    )
    source.write_bytes(source.read_bytes() + other.read_bytes())
    assert cut(source, tmp_path / "proxy.mp4", 10, 45) == [*range(10, 30), *range(25)]
    assert cut(source, tmp_path / "proxy.mp4", 40, 15) == list(range(10, 25))


def test_music_and_text_have_no_video(tmp_path):
    """The error names the file."""
    music, text = tmp_path / "music.wav", tmp_path / "text.mp4"
    subprocess.run([FFMPEG, "-v", "error", "-f", "lavfi", "-i", "sine=d=0.2", str(music)], check=True)
    text.write_text("hello")
    for path, message in ((music, "The file has no video"), (text, "Could not read")):
        with pytest.raises(InvalidInput, match=message) as error:
            cut(path, tmp_path / "proxy.mp4", 0, 3)
        assert str(path) in str(error.value)


def test_a_picture_of_an_unknown_codec_is_refused_with_a_way_out(each_ffmpeg, tmp_path):
    """It is no video to lay: the sentence names the file and what to do. Its sound can still be read."""
    path = numbered(tmp_path / "known.mp4", RATE.fps, 5, *X264)
    unknown = tmp_path / "unknown.mp4"
    unknown.write_bytes(path.read_bytes().replace(b"avc1", b"xyz1").replace(b"avcC", b"free"))
    with pytest.raises(InvalidInput, match=r"cannot decode the picture of .*unknown\.mp4\. Convert it to MP4, or use"):
        cut(unknown, tmp_path / "proxy.mp4", 0, 3)
    assert probe_media(unknown).video is None


def box(kind: bytes, *content: bytes) -> bytes:
    """Return a box of the ISO base media file format."""
    data = b"".join(content)
    return struct.pack(">I", 8 + len(data)) + kind + data


def tiled_image(path: Path, tile: Path) -> Path:
    """Write an AVIF of two tiles side by side, as phones and converters write large pictures; `tile` is an MP4 of one frame."""
    film = tile.read_bytes()
    at = film.index(b"av1C") - 4
    configuration = film[at : at + struct.unpack_from(">I", film, at)[0]]
    at = film.index(b"mdat") - 4
    sample = film[at + 8 : at + struct.unpack_from(">I", film, at)[0]]
    full = bytes(4)
    names = ((1, b"grid"), (2, b"av01"), (3, b"av01"))
    entries = [box(b"infe", b"\2\0\0\0", struct.pack(">HH", number, 0), kind, b"\0") for number, kind in names]
    sizes = [box(b"ispe", full, struct.pack(">II", width, 96)) for width in (320, 160)]
    uses = b"".join(struct.pack(">HB", n, len(p)) + bytes(p) for n, p in ((1, (1,)), (2, (2, 3)), (3, (2, 3))))
    brand = box(b"ftyp", b"avif", full, b"avifmif1miaf")

    def meta(offset: int) -> bytes:
        places = ((1, 1, 0, 8), (2, 0, offset, len(sample)), (3, 0, offset, len(sample)))
        found = b"".join(struct.pack(">HHHHII", n, how, 0, 1, first, length) for n, how, first, length in places)
        return box(
            b"meta",
            full,
            box(b"hdlr", full, full, b"pict", bytes(13)),
            box(b"pitm", full, struct.pack(">H", 1)),
            box(b"iloc", b"\1\0\0\0", b"\x44\0", struct.pack(">H", 3), found),
            box(b"iinf", full, struct.pack(">H", 3), *entries),
            box(b"iref", full, box(b"dimg", struct.pack(">HHHH", 1, 2, 2, 3))),
            box(b"iprp", box(b"ipco", *sizes, configuration), box(b"ipma", full, struct.pack(">I", 3), uses)),
            box(b"idat", struct.pack(">BBBBHH", 0, 0, 0, 1, 320, 96)),
        )

    path.write_bytes(brand + meta(len(brand) + len(meta(0)) + 8) + box(b"mdat", sample))
    return path


def test_an_image_of_tiles_is_refused_with_a_way_out(each_ffmpeg, tmp_path):
    """ffmpeg lists the tiles, or nothing: neither is the picture."""
    tile = tmp_path / "tile.mp4"
    making = ["-f", "lavfi", "-i", "testsrc=s=160x96:r=1:d=1", "-c:v", "libaom-av1", "-cpu-used", "8"]
    subprocess.run([FFMPEG, "-v", "error", *making, str(tile)], check=True)
    with pytest.raises(InvalidInput, match=r"(tiled\.avif is made of tiles|cannot decode the picture of).* Convert it"):
        cut(tiled_image(tmp_path / "tiled.avif", tile), tmp_path / "proxy.mp4", 0, 3)


def test_a_program_stream_that_begins_between_reordered_frames_has_its_own_clock(tmp_path):
    """Its first packets have guessed times of decoding, which repeat; that is no clock that is set back. Each frame plays at its time."""
    whole = numbered(tmp_path / "whole.mpg", RATE.fps, 60, "-c:v", "mpeg2video", "-bf", "2", "-g", "12", "-f", "mpeg")
    data = whole.read_bytes()
    source = tmp_path / "source.mpg"
    source.write_bytes(data[len(data) // 2048 // 3 * 2048 :])
    assert not read_video_header(source).runs_on
    times, shown = decoded_times(source, RATE.seconds(1)), numbers(source)
    at = [time - times[0] for time in times]
    wanted = [shown[bisect_right(at, RATE.seconds(frame) + Fraction(1, 1000)) - 1] for frame in range(10, 20)]
    assert cut(source, tmp_path / "proxy.mp4", 10, 10) == list(dict.fromkeys(wanted))
