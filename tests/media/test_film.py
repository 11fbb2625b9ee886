"""The laid film: the same frames at the same times as its picture, with all of its own sound, or an error; copied if it can be."""

from __future__ import annotations

import subprocess
from fractions import Fraction

import av
import pytest
from tracklay.errors import MediaError
from tracklay.media.film import mux
from tracklay.media.film.film_check import FilmError, check_film
from tracklay.media.probe import frame_times, list_frames, probe_media, probe_video

from tests.bit_writer import field_stream
from tests.clips import FFMPEG, clicks, hear
from tests.media.numbered_clips import numbered, numbers

RATE = Fraction(25)
X264 = ("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-g", "24", "-bf", "2")
MPEG2 = ("-c:v", "mpeg2video", "-q:v", "2", "-bf", "2", "-g", "12")


def run(*arguments: object) -> None:
    """Run ffmpeg."""
    subprocess.run([FFMPEG, "-v", "error", "-y", *map(str, arguments)], check=True)


@pytest.fixture(scope="module")
def take(tmp_path_factory):
    """A take of 2 s that clicks at 0.4 s."""
    path = tmp_path_factory.mktemp("take") / "take.wav"
    run("-f", "lavfi", "-i", "aevalsrc=eq(n\\,19200):s=48000:d=2", "-c:a", "pcm_s24le", path)
    return path


def laid(path, take, **options):
    """Lay a take under a file; return the film and the notes."""
    media, video = probe_video(path)
    film = path.with_name(f"film.{mux.choose_container(media, video)}")
    return film, mux.mux_takes(media, video, [(take, Fraction(0))], film, **options)


@pytest.mark.parametrize(
    ("name", "options", "codec"),
    [
        ("plain.mp4", X264, "h264"),
        ("late.mkv", (*X264, "-output_ts_offset", "5"), "h264"),
        ("transport.ts", X264, "h264"),
        ("broadcast.ts", MPEG2, "mpeg2video"),
        ("prores.mov", ("-c:v", "prores_ks", "-pix_fmt", "yuv422p10le"), "prores"),
        ("web.webm", ("-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8"), "vp8"),
        ("b-frames.avi", X264, "h264"),
        ("dvd.vob", (*MPEG2, "-f", "vob"), "h264"),
        ("times-of-decoding.mxf", X264, "h264"),
        ("raw.h264", X264, "h264"),
        ("planar.y4m", ("-pix_fmt", "yuv420p"), "h264"),
        ("planar.avi", ("-c:v", "rawvideo", "-pix_fmt", "yuv420p"), "h264"),
        ("palette.gif", ("-c:v", "gif"), "h264"),
        ("moving.apng", ("-c:v", "apng", "-f", "apng"), "h264"),
    ],
)
def test_a_film_shows_what_its_picture_shows(each_ffmpeg, tmp_path, take, name, options, codec):
    """Packets are copied if their container takes them and they have times; the rest is encoded."""
    film, notes = laid(numbered(tmp_path / name, RATE, 50, *options), take)
    assert numbers(film) == list(range(50))
    assert frame_times(film) == pytest.approx([n / 25 for n in range(50)], abs=0.0011)
    assert probe_video(film)[1].codec == codec
    assert clicks(hear(film)) == [pytest.approx(19200, abs=2)]
    assert notes == ()


def test_joined_recordings_become_one_film(each_ffmpeg, tmp_path, take):
    """The second does not overwrite the first, nor is it crammed in at the end."""
    first, again = (numbered(tmp_path / f"{n}.ts", RATE, 25, *X264) for n in (1, 2))
    both = tmp_path / "both.ts"
    both.write_bytes(first.read_bytes() + again.read_bytes())
    assert numbers(laid(both, take)[0]) == [*range(25), *range(25)]


@pytest.mark.parametrize(
    ("name", "options", "channels", "kind"),
    [
        ("bluray.m2ts", (*X264, "-c:a", "pcm_bluray", "-ac", "6"), 6, "mov"),
        ("planes.cpk", ("-c:v", "cinepak", "-f", "film_cpk"), 2, "mkv"),
    ],
)
def test_uncompressed_sound_that_no_film_takes_as_it_is_is_converted(
    each_ffmpeg, tmp_path, take, name, options, channels, kind
):
    """That of a Blu-ray disc, and that with a plane for each channel."""
    silent = numbered(tmp_path / "silent.mp4", RATE, 25, *X264)
    run("-i", silent, "-f", "lavfi", "-i", "sine=r=48000:d=1,aformat=channel_layouts=stereo", *options, tmp_path / name)
    film, notes = laid(tmp_path / name, take)
    assert (film.suffix, notes) == (f".{kind}", ())
    assert [sound.channels for sound in probe_media(film).audio] == [2, channels]


def recording(path, *options: str, seconds: float = 1.0):
    """Write a clip of 25 frames whose own sound, of some length, clicks at 0.4 s."""
    silent = numbered(path.with_name(f"silent-{path.name}"), RATE, 25, *options)
    sound = f"aevalsrc='0.5*gte(n,19200)*lt(n,19224)':s=48000:d={seconds}"
    run("-i", silent, "-f", "lavfi", "-i", sound, "-c:v", "copy", "-c:a", "mp2", path)
    return path.read_bytes()


@pytest.mark.parametrize(("suffix", "options"), [("ts", X264), ("mpg", MPEG2)])
def test_the_sound_of_each_joined_recording_stays_with_its_picture(each_ffmpeg, tmp_path, take, suffix, options):
    """Their sounds are longer or shorter than their pictures: only the first would be in sync if they followed each other."""
    both = tmp_path / f"both.{suffix}"
    lengths = (1.3, 0.8, 1.0)
    parts = [recording(tmp_path / f"{n}.{suffix}", *options, seconds=length) for n, length in enumerate(lengths)]
    both.write_bytes(b"".join(parts))
    film, notes = laid(both, take)
    assert numbers(film) == [*range(25)] * 3
    assert clicks(hear(film, stream=1)) == [pytest.approx(19200 + n * 48000, abs=24) for n in range(3)]
    assert notes == ()


def test_joined_recordings_of_which_one_is_silent_have_a_note_on_their_sound(each_ffmpeg, tmp_path, take):
    """Nothing says to which picture a sound belongs."""
    both = tmp_path / "both.ts"
    silent = numbered(tmp_path / "silent.ts", RATE, 25, *X264).read_bytes()
    both.write_bytes(recording(tmp_path / "sounding.ts", *X264) + silent)
    film, notes = laid(both, take)
    assert numbers(film) == [*range(25)] * 2
    assert notes == ("own sound left out: stream 1 (mp2) is not in all of the recordings that were joined",)


def test_sound_that_begins_before_the_picture_is_kept_in_matroska(each_ffmpeg, tmp_path, take):
    """It has no times below 0: all streams are later by the same."""
    sound = ("-f", "lavfi", "-i", "aevalsrc='0.5*gte(n,17640)*lt(n,17662)':s=44100:d=2")
    pictures = ("-f", "lavfi", "-i", "color=s=160x96:r=25:d=2")
    run(*pictures, *sound, "-c:v", "flv", "-c:a", "libmp3lame", tmp_path / "clip.flv")
    film, notes = laid(tmp_path / "clip.flv", take)
    assert film.suffix == ".mkv"
    begins = float(frame_times(film)[0])
    assert begins > 0.02
    for stream in range(2):
        run("-i", film, "-map", f"0:a:{stream}", "-af", "aresample=48000:async=1:first_pts=0", tmp_path / "heard.wav")
        assert clicks(hear(tmp_path / "heard.wav"))[0] / 48000 - begins == pytest.approx(0.4, abs=0.003)
    assert notes == ()


def test_sound_of_an_avi_is_placed_to_the_sample(each_ffmpeg, tmp_path, take):
    """Its MP3 counts time in packets of 24 ms, and the picture's first frame comes 80 ms after the first packet."""
    silent = numbered(tmp_path / "silent.mkv", RATE, 50, "-c:v", "ffv1")
    sound = ("-f", "lavfi", "-i", "aevalsrc='0.5*gte(n,19200)*lt(n,19224)':s=48000:d=2")
    path = tmp_path / "clip.avi"
    run("-i", silent, *sound, *X264, "-c:a", "libmp3lame", path)
    start = probe_video(path)[1].start
    assert start > 0
    expected = clicks(hear(path))[0] - round(start * 48000)
    film, notes = laid(path, take)
    assert clicks(hear(film, stream=1)) == [pytest.approx(expected, abs=2)]
    assert notes == ()


def test_a_picture_that_changes_its_size_is_encoded_in_one(each_ffmpeg, tmp_path, take):
    """Players take the first size for that of the whole film."""
    first = numbered(tmp_path / "1.ts", RATE, 25, *X264, "-bf", "0")
    again = numbered(tmp_path / "2.ts", RATE, 25, *X264, "-bf", "0", "-output_ts_offset", "1", "-vf", "scale=320:192")
    both = tmp_path / "both.ts"
    both.write_bytes(first.read_bytes() + again.read_bytes())
    film, _ = laid(both, take)
    assert numbers(film) == [*range(25), *range(25)]
    with av.open(str(film)) as container:
        assert {(frame.width, frame.height) for frame in container.decode(video=0)} == {(160, 96)}


def test_fields_are_copied(each_ffmpeg, tmp_path, take):
    """Two packets of one frame each: nothing is encoded, and the frames are as many."""
    raw, path = tmp_path / "fields.h264", tmp_path / "fields.ts"
    raw.write_bytes(field_stream(frames=50))
    setting = ("-bsf:v", "setts=pts=N*24000:dts=N*24000:duration=24000")
    run("-f", "h264", "-framerate", "50", "-i", raw, "-c", "copy", *setting, path)
    film, _ = laid(path, take)
    with av.open(str(film)) as container:
        assert len(list(container.decode(video=0))) == 50


def with_sound(path, channels: int, codec: str = "pcm_s16le"):
    """Write a clip with tones of many channels."""
    tones = "|".join(f"0.1*sin({100 * (n + 1)}*2*PI*t)" for n in range(channels))
    silent = numbered(path.with_name("silent.mp4"), RATE, 50, *X264)
    run("-i", silent, "-f", "lavfi", "-i", f"aevalsrc={tones}:s=48000:d=2", "-c:v", "copy", "-c:a", codec, path)
    return path


@pytest.mark.parametrize(
    ("channels", "suffix"), [(1, "mp4"), (2, "mp4"), (3, "mov"), (8, "mov"), (9, "mov"), (16, "mov")]
)
def test_no_channel_of_the_own_sound_is_lost(each_ffmpeg, tmp_path, take, channels, suffix):
    """MP4's lossless sound has few layouts: with more than two channels of PCM the film is a MOV, which takes them as they are."""
    film, notes = laid(with_sound(tmp_path / "clip.mov", channels), take)
    assert film.suffix == f".{suffix}"
    assert probe_media(film).audio[1].channels == channels
    assert notes == ()


def test_sound_that_nothing_decodes_is_left_out_with_a_note(each_ffmpeg, tmp_path, take):
    """A phone's spatial sound beside its AAC: the film has the AAC."""
    silent = numbered(tmp_path / "silent.mp4", RATE, 50, *X264)
    tone = ("-f", "lavfi", "-i", "sine=d=2")
    run(
        "-i",
        silent,
        *tone,
        "-map",
        "0:v",
        "-map",
        "1:a",
        "-map",
        "1:a",
        "-c:v",
        "copy",
        "-c:a",
        "aac",
        tmp_path / "two.mp4",
    )
    data = (tmp_path / "two.mp4").read_bytes()
    entry, box = data.rfind(b"mp4a"), data.rfind(b"esds")
    path = tmp_path / "phone.mov"
    path.write_bytes(data[:entry] + b"apac" + data[entry + 4 : box] + b"dapa" + data[box + 4 :])
    film, notes = laid(path, take)
    assert [audio.codec for audio in probe_media(film).audio] == ["aac", "aac"]
    assert len(notes) == 1
    assert "stream 2" in notes[0]
    film, notes = laid(path, take, drop_original=True)
    assert len(probe_media(film).audio) == 1
    assert notes == ()


@pytest.mark.parametrize(
    ("times", "channels", "problem"),
    [
        ([Fraction(n, 25) for n in range(49)], (2,), "50 frames instead of 49"),
        ([Fraction(n, 24) for n in range(50)], (2,), r"frame 2 at 0\.080 s instead of 0\.083 s"),
        ([Fraction(n, 25) for n in range(50)], (2, 2), r"channels \[2\] instead of \[2, 2\]"),
        ([Fraction(n, 25) for n in range(50)], (6,), r"channels \[2\] instead of \[6\]"),
    ],
)
def test_a_film_that_differs_is_found(tmp_path, take, times, channels, problem):
    """Its number of frames, a time, the number of tracks, their channels."""
    film, _ = laid(numbered(tmp_path / "clip.mp4", RATE, 50, *X264), take)
    check_film(film, [Fraction(n, 25) for n in range(50)], (2,))
    with pytest.raises(FilmError, match=problem):
        check_film(film, times, channels)


def test_a_film_without_its_first_or_last_picture_is_found(tmp_path, take):
    """Packets are there, and nothing decodes."""
    film, _ = laid(numbered(tmp_path / "clip.mp4", RATE, 50, *X264, "-g", "10"), take)
    data = bytearray(film.read_bytes())
    with av.open(str(film)) as container:
        packets = [(packet.pos or 0, packet.size) for packet in container.demux(video=0) if packet.size]
    for position, size in packets[-12:]:
        data[position : position + size] = bytes(size)
    film.write_bytes(data)
    with pytest.raises(FilmError, match=r"no picture can be decoded at 1\.960 s"):
        check_film(film, [Fraction(n, 25) for n in range(50)], (2,))


def test_an_unchanged_picture_is_known_by_its_packets(tmp_path, take):
    """Few key frames are then decoded; a film with other packets is decoded to its end."""
    clip = numbered(tmp_path / "clip.mp4", RATE, 50, *X264, "-g", "50")
    film, _ = laid(clip, take)
    times, content_hash = [Fraction(n, 25) for n in range(50)], list_frames(clip).content_hash
    assert list_frames(film).content_hash == content_hash
    check_film(film, times, (2,), content_hash=content_hash)
    data = bytearray(film.read_bytes())
    with av.open(str(film)) as container:
        last = [packet for packet in container.demux(video=0) if packet.size][-1]
    position = last.pos or 0
    data[position : position + last.size] = bytes(last.size)
    film.write_bytes(data)
    with pytest.raises(FilmError, match=r"no picture can be decoded at 1\.960 s"):
        check_film(film, times, (2,), content_hash=content_hash)


def test_no_film_is_better_than_a_wrong_one(tmp_path, take, monkeypatch):
    """If neither the copy nor the encoded picture passes, the error is raised and nothing is written."""

    def failing(*_: object, **__: object) -> None:
        raise FilmError("film.wrong", "The film differs from the picture: {problem}.", problem="anything")

    monkeypatch.setattr(mux, "check_film", failing)
    clip = numbered(tmp_path / "clip.mp4", RATE, 50, *X264)
    with pytest.raises(MediaError, match="differs from the picture"):
        laid(clip, take)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip.mp4"]
