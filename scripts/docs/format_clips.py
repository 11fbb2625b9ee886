"""Clips of numbered frames with clicks, in any container and codec that ffmpeg writes, and what plays in a file that ffmpeg reads."""

from __future__ import annotations

import re
import subprocess
import wave
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

import av
import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

FRAMES, RATE = 40, 25
SIZE = 160, 96
BITS = 6
"""Columns of a frame, black or white: the bits of its number, which any codec keeps, also one of two colours."""

SOUND_RATE = 48_000
CLICK_SECONDS = Fraction(2, 5), Fraction(6, 5)
SOUND_SECONDS = Fraction(8, 5)
CLICK_SAMPLES = 24

WRITE_TIMEOUT_SECONDS = 60

SUFFIXES = {
    "asf": "wmv", "asf_stream": "wmv", "dash": "mpd", "dvd": "vob", "film_cpk": "cpk", "gxf": "gxf", "hls": "m3u8", "ipod": "m4v",
    "ismv": "ismv", "m4v": "m4v", "matroska": "mkv", "mpeg": "mpg", "mpeg1video": "m1v", "mpeg2video": "m2v", "mpegts": "ts",
    "mxf_d10": "mxf", "mxf_opatom": "mxf", "ogg": "ogv", "psp": "mp4", "svcd": "mpg", "vcd": "mpg", "yuv4mpegpipe": "y4m",
}  # fmt: skip
"""Suffixes of muxers whose name is none."""

NO_FILES = re.compile(
    r"^(alsa|caca|fbdev|opengl|oss|pulse|sdl2?|v4l2|video4linux2|xv|crc|frame(crc|hash|md5)|hash|md5|streamhash|uncodedframecrc|null"
    r"|r?tp|rtp_mpegts|rtsp|sap|whip|fifo(_test)?|tee|s?segment|stream_segment|ssegment|webm_(chunk|dash_manifest)|hds|asf_stream"
    r"|smoothstreaming|image2(pipe)?|data|ffmetadata|mkvtimestamp_v2|chromaprint|a64|ico)$"
)
"""Muxers that write to devices or networks, checksums, notes, single images, or several files without a list of them."""

LEFT_OUT = re.compile(
    r"_(vaapi|nvenc|qsv|v4l2m2m|amf|omx|videotoolbox|mf|cuvid|vulkan|d3d12va|mediacodec)$"
    r"|^(wrapped_avframe|vnull|librav1e|libsvtav1|libxvid|a64multi5?)$"
)
"""Encoders of hardware, of codecs that a faster encoder has, and of pictures without a decoder."""

USUAL_ENCODERS = """
libx264 libx265 mpeg1video mpeg2video mpeg4 libvpx libvpx-vp9 libaom-av1 mjpeg prores_ks dnxhd ffv1 rawvideo flv h263 h261 libtheora
dvvideo gif apng png jpeg2000 huffyuv wmv2 msmpeg4 vc2 qtrle amv roqvideo rv20 cinepak flashsv
""".split()  # noqa: SIM905
"""Encoders that are tried first: a run may be ended early."""

USUAL_MUXERS = frozenset(
    """
    3gp apng asf avi avif dv f4v flv gif gxf ivf matroska mov mp4 mpeg mpegts mxf mxf_opatom nut obu ogg rm vcd vob webm webp wtv
    h261 h263 h264 hevc m4v mjpeg mpeg1video mpeg2video yuv4mpegpipe
    """.split()  # noqa: SIM905
)
"""Muxers that are tried first. The others are mostly variants of these: `dvd` and `svcd` of `vob`, `ipod` and `psp` of `mp4`."""

RAW_MUXERS = frozenset(
    {
        "cavsvideo",
        "dirac",
        "dnxhd",
        "h261",
        "h263",
        "h264",
        "hevc",
        "m4v",
        "mjpeg",
        "mpeg1video",
        "mpeg2video",
        "mpjpeg",
        "obu",
        "rawvideo",
    }
    | {"avs2", "avs3", "evc", "vc1", "vvc", "bit"}
)
"""Muxers of raw streams, which write the packets of any codec one after the other."""

NATIVE_ENCODERS = {
    "dirac": "vc2", "h264": "libx264", "hevc": "libx265", "m4v": "mpeg4", "mpjpeg": "mjpeg", "obu": "libaom-av1",
}  # fmt: skip
"""Encoders of the codec after which a raw muxer is named, where they have other names."""

OPTIONS = {
    "avui": ("-s", "720x576"),
    "dnxhd": ("-profile:v", "dnxhr_hq", "-s", "320x192", "-pix_fmt", "yuv422p"),
    "dvvideo": ("-s", "720x576", "-pix_fmt", "yuv420p"),
    "flashsv2": ("-s", "160x96"),
    "h261": ("-s", "176x144", "-q:v", "2"),
    "h263": ("-s", "176x144", "-q:v", "2"),
    "h263p": ("-s", "176x144", "-q:v", "2"),
    "libvpx": ("-deadline", "realtime", "-cpu-used", "8", "-b:v", "1M"),
    "libvpx-vp9": ("-deadline", "realtime", "-cpu-used", "8", "-b:v", "1M"),
    "libaom-av1": ("-cpu-used", "8", "-usage", "realtime", "-b:v", "1M"),
    "libx264": ("-preset", "veryfast", "-bf", "3", "-g", "12", "-pix_fmt", "yuv420p"),
    "libx265": ("-preset", "ultrafast", "-x265-params", "log-level=none", "-pix_fmt", "yuv420p"),
    "mpeg1video": ("-q:v", "2", "-bf", "2"),
    "mpeg2video": ("-q:v", "2", "-bf", "2"),
    "mpeg4": ("-q:v", "2", "-bf", "2"),
    "rawvideo": ("-pix_fmt", "yuv420p"),
    "roqvideo": ("-s", "160x96"),
    "xface": ("-s", "48x48"),
}
"""Options of encoders that need a size, or that have B-frames."""

MUXER_OPTIONS = {
    ("gxf", "mpeg2video"): ("-s", "720x576", "-pix_fmt", "yuv420p", "-g", "12"),
    ("mxf_d10", "mpeg2video"): (
        "-s", "720x608", "-pix_fmt", "yuv422p", "-g", "1", "-bf", "0", "-b:v", "30M", "-minrate", "30M", "-maxrate", "30M",
        "-bufsize", "1200000", "-rc_init_occupancy", "1200000", "-intra_vlc", "1", "-non_linear_quant", "1", "-flags", "+ildct+low_delay",
        "-intra_dc_precision", "10", "-dc", "10", "-ps", "1", "-qmin", "1", "-qmax", "3", "-top", "1",
    ),
    ("filmstrip", "rawvideo"): ("-pix_fmt", "rgba"),
}  # fmt: skip
"""Options of a muxer that takes a codec of one shape only."""

SOUND_OPTIONS = {
    "3g2": ("-c:a", "aac"),
    "3gp": ("-c:a", "aac"),
    "amv": ("-ar", "22050", "-ac", "1", "-block_size", "882"),
    "avm2": ("-ar", "44100"),
    "flv": ("-ar", "44100"),
    "roq": ("-ar", "22050"),
    "smjpeg": ("-c:a", "pcm_s16le"),
    "swf": ("-ar", "44100"),
    "wsaud": ("-ar", "22050"),
}
"""Options for the own sound; of other muxers it has their default codec, two channels and 48 kHz."""


def available(program: str, kind: str) -> set[str]:
    """Return the names of a program's muxers that hold video, or of its video encoders."""
    text = subprocess.run([program, "-hide_banner", f"-{kind}"], capture_output=True, text=True, check=True).stdout
    pattern = r"^ *D?E +(\S+)" if kind == "muxers" else r"^ V\S{5} (\w\S*)"
    found = {name for names in re.findall(pattern, text, re.MULTILINE) for name in names.split(",")}
    if kind == "encoders":
        return {name for name in found if not LEFT_OUT.search(name)}
    return {name for name in found if not NO_FILES.search(name) and _holds_video(program, name)}


def _holds_video(program: str, muxer: str) -> bool:
    """Return True if a muxer has a usual video codec."""
    command = [program, "-hide_banner", "-h", f"muxer={muxer}"]
    return "Default video codec" in subprocess.run(command, capture_output=True, text=True, check=True).stdout


def write_picture(path: Path) -> Path:
    """Write the numbered frames, uncompressed."""
    width, height = SIZE
    frames = [f"YUV4MPEG2 W{width} H{height} F{RATE}:1 Ip A1:1 C420mpeg2\n".encode()]
    colour = bytes([128]) * (width * height // 2)
    for number in range(FRAMES):
        row = b"".join(bytes([235 if number >> bit & 1 else 16]) * (width // (BITS + 2)) for bit in range(BITS))
        frames += [b"FRAME\n", row.ljust(width, b"\x5a") * height, colour]
    path.write_bytes(b"".join(frames))
    return path


def write_sound(path: Path, *, clicks: bool = True) -> Path:
    """Write stereo clicks, or silence, as long as the picture."""
    sound = np.zeros((round(SOUND_SECONDS * SOUND_RATE), 2), "<i2")
    for at in CLICK_SECONDS if clicks else ():
        sound[round(at * SOUND_RATE) :][:CLICK_SAMPLES] = 20_000
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(SOUND_RATE)
        file.writeframes(sound.tobytes())
    return path


def write_clip(program: str, path: Path, muxer: str, encoder: str, picture: Path, sound: Path | None) -> str:
    """Write the clip. Return ffmpeg's reason if it does not, else an empty text."""
    options = MUXER_OPTIONS.get((muxer, encoder)) or OPTIONS.get(encoder, ("-q:v", "2"))
    command = [program, "-v", "error", "-nostdin", "-y", "-i", str(picture)]
    command += ["-i", str(sound)] if sound else []
    command += ["-map", "0:v", "-c:v", encoder, *options]
    command += ["-map", "1:a", *SOUND_OPTIONS.get(muxer, ())] if sound else []
    command += ["-strict", "-2", "-f", muxer, str(path)]
    path.unlink(missing_ok=True)
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            timeout=WRITE_TIMEOUT_SECONDS,
            check=False,
            cwd=path.parent,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        return "time"
    if done.returncode or not path.exists() or path.stat().st_size == 0:
        return done.stderr.decode("utf-8", "replace") or "nothing written"
    return ""


def clip_suffix(muxer: str) -> str:
    """Return the suffix of a muxer's files."""
    return SUFFIXES.get(muxer, muxer)


def demuxer(program: str, path: Path) -> str:
    """Return the name of the demuxer with which ffmpeg reads a file; empty if it does not."""
    command = [program, "-hide_banner", "-nostdin", "-i", str(path)]
    done = subprocess.run(command, capture_output=True, check=False, stdin=subprocess.DEVNULL)
    found = re.search(r"^Input #0, (.*), from ", done.stderr.decode("utf-8", "replace"), re.MULTILINE)
    return found[1] if found else ""


class Played(NamedTuple):
    """A file as ffmpeg plays it.

    Attributes:
        numbers: those on its frames.
        times: those of its frames, in seconds from the first.
        channels: of its sound; 0 without.
        clicks: when its sound clicks, in seconds from the first frame.
        begins: time of the first frame on the file's clock, in seconds.
    """

    numbers: list[int]
    times: list[Fraction]
    channels: int = 0
    clicks: tuple[Fraction, ...] = ()
    begins: Fraction = Fraction(0)


def _reading(program: str, path: Path) -> list[str]:
    # The file's own clock: where both streams begin together depends on which of them are read.
    return [program, "-hide_banner", "-nostdin", "-nostats", "-copyts", "-i", str(path)]


def play(program: str, path: Path, sound_stream: int | None = None) -> Played | None:
    """Return a file as ffmpeg plays it, with one of its audio streams if any; None if it does not."""
    columns = BITS + 2
    picture = [
        "-map",
        "0:V:0",
        "-vf",
        f"showinfo=checksum=0,scale={columns}:2:flags=area:out_range=tv,format=gray,settb=1/25,setpts=N",
    ]
    picture += ["-fps_mode", "passthrough", "-enc_time_base", "1:25", "-f", "rawvideo", "-"]
    done = subprocess.run(
        [*_reading(program, path), *picture], capture_output=True, check=False, stdin=subprocess.DEVNULL
    )
    log = done.stderr.decode("utf-8", "replace")
    base = Fraction(1)
    times: list[Fraction] = []
    for line in re.findall(r"_showinfo.*", log):
        if found := re.search(r"config in time_base: (\d+)/(\d+)", line):
            base = Fraction(int(found[1]), int(found[2]))
        elif found := re.search(r" pts: *(NOPTS|-?\d+) ", line):
            time = None if found[1] == "NOPTS" else int(found[1]) * base
            # A decoder shows frames in their order: one without a time, or with an earlier one, follows the one before it.
            follows = times[-1] + Fraction(1, RATE) if times else Fraction(0)
            times.append(time if time is not None and (not times or time > times[-1]) else follows)
    rows = (done.stdout[at : at + BITS] for at in range(0, len(done.stdout) - 2 * columns + 1, 2 * columns))
    shown = [sum(1 << bit for bit in range(BITS) if row[bit] > 127) for row in rows]
    if not times or len(times) != len(shown):
        return None
    source = Played(shown, [time - times[0] for time in times], begins=times[0])
    return source if sound_stream is None else source._replace(**hear(program, path, sound_stream, times[0]))


def hear(program: str, path: Path, sound_stream: int, begins: Fraction = Fraction(0)) -> dict[str, Any]:
    """Return the values of `Played` for one of a file's audio streams, as ffmpeg plays it: its channels, and its clicks after `begins`."""
    # In a run of its own: two filters in two threads tear each other's lines apart.
    command = [*_reading(program, path), "-map", f"0:a:{sound_stream}", "-af", "ashowinfo"]
    command += ["-f", "f32le", "-c:a", "pcm_f32le", "-"]
    channels, heard = _clicks(subprocess.run(command, capture_output=True, check=False, stdin=subprocess.DEVNULL))
    return {"channels": channels, "clicks": tuple(time - begins for time in heard)}


def decode_film(path: Path) -> tuple[str, list[str], Played]:
    """Return the codecs of a film's picture and of its sounds, and its frames, as PyAV decodes them: not by the ffmpeg that wrote it."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = [
            (Fraction(frame.pts or 0) * Fraction(frame.time_base or 0), _number(frame.to_ndarray(format="gray")))
            for frame in container.decode(stream)
        ]
        begins = frames[0][0]
        codec = stream.codec_context.codec.canonical_name
        sounds = [sound.codec_context.codec.canonical_name for sound in container.streams.audio]
    return codec, sounds, Played([number for _, number in frames], [time - begins for time, _ in frames], begins=begins)


def _number(luma: np.ndarray) -> int:
    columns = luma.shape[1] / (BITS + 2)
    return sum(1 << bit for bit in range(BITS) if luma[luma.shape[0] // 2, int((bit + 0.5) * columns)] > 127)


def _clicks(done: subprocess.CompletedProcess[bytes]) -> tuple[int, list[Fraction]]:
    """Return the number of channels of decoded sound, and the times of its clicks in seconds on ffmpeg's clock."""
    log, data = done.stderr.decode("utf-8", "replace"), done.stdout
    described = re.search(r"Audio: pcm_f32le[^\n]*?, (\d+) Hz, ", log)
    frames = re.findall(r"_ashowinfo.*? pts_time:(\S+) .*?channels:(\d+).*? nb_samples:(\d+)", log)
    if not described or not frames:
        return 0, []
    rate, channels = int(described[1]), int(frames[0][1])
    samples = np.abs(
        np.frombuffer(data[: len(data) // (4 * channels) * 4 * channels], "<f4").reshape(-1, channels)
    ).max(axis=1)
    # The place of a sample is that of its frame on the clock: there may be gaps.
    begins = np.cumsum([0, *(int(count) for *_, count in frames)])
    found: list[Fraction] = []
    for window in CLICK_SECONDS:
        near = samples.copy()
        near[: round((window - CLICK_SECONDS[0]) * rate)] = 0
        near[round((window + CLICK_SECONDS[0]) * rate) :] = 0
        at = int(near.argmax())
        frame = min(int(np.searchsorted(begins, at, side="right")), len(frames)) - 1
        time = frames[frame][0]
        start = Fraction(time) if re.fullmatch(r"-?[\d.]+", time) else Fraction(int(begins[frame]), rate)
        found.append(start + Fraction(at - int(begins[frame]), rate))
    return channels, found
