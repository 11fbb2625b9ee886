"""Writes test clips, and measures the sound of files."""

from __future__ import annotations

import struct
import subprocess
from fractions import Fraction
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from tracklay.media.wav_reader import WavReader

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
BLACK, WHITE = 16, 235


def encode(path: Path, frames, size: tuple[int, int], rate: Fraction, *options: str) -> Path:
    """Encode an iterable of (height, width) luma arrays; `options` are ffmpeg's for the output (default: H.264)."""
    codec = options or ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "20", "-pix_fmt", "yuv420p")
    command = [FFMPEG, "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "gray", "-s", f"{size[0]}x{size[1]}"]
    command += ["-r", str(rate), "-i", "-", *codec, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        assert process.stdin
        for frame in frames:
            process.stdin.write(np.ascontiguousarray(frame, dtype=np.uint8).tobytes())
        process.stdin.close()
        assert process.wait() == 0
    return path


def flash_clip(path: Path, rate: Fraction, frames: int, flashes, *options: str, size=(192, 108)) -> Path:
    """Write a dark clip whose frames numbered in `flashes` are white."""
    dark = np.full((size[1], size[0]), BLACK + 20, np.uint8)
    white = np.full_like(dark, WHITE)
    lit = set(flashes)
    return encode(path, (white if n in lit else dark for n in range(frames)), size, rate, *options)


def halve_timecode_rate(path: Path) -> Path:
    """Let the timecode of a .mov or .mxf that ffmpeg wrote count half as many frames per second, from the same time on.

    ffmpeg writes the rate of the picture; cameras at 50 and 59.94 often count 25 and 30.
    """
    data = bytearray(path.read_bytes())
    if path.suffix == ".mxf":
        at = -1
        while (at := data.find(bytes.fromhex("060e2b34025301010d01010101011400"), at + 1)) >= 0:
            _halve(data, data.index(b"\x15\x02\x00\x02", at) + 4, 2)  # Rounded Timecode Base
            _halve(data, data.index(b"\x15\x01\x00\x08", at) + 4, 8)  # Start Timecode
    else:
        entry = data.index(b"tmcd", data.rindex(b"stsd"))  # the timecode's track is the last one
        start = data.index(b"stco", entry)
        _halve(data, entry + 20, 4)  # time scale
        _halve(data, entry + 28, 1)  # frames per second
        _halve(data, int.from_bytes(data[start + 12 : start + 16], "big"), 4)  # the first sample: the start
    path.write_bytes(data)
    return path


def _halve(data: bytearray, at: int, size: int) -> None:
    data[at : at + size] = (int.from_bytes(data[at : at + size], "big") // 2).to_bytes(size, "big")


def hear(path: Path, *, stream: int = 0, rate: int = 48_000, channels: int | None = None) -> np.ndarray:
    """Return a file's sound as floats of shape (samples, channels), decoded by ffmpeg as a player does; of others than mono in stereo."""
    probe = subprocess.run(
        [FFMPEG, "-hide_banner", "-i", str(path)], capture_output=True, text=True, check=False
    ).stderr
    lines = [line for line in probe.splitlines() if "Audio:" in line]
    channels = channels or (1 if "mono" in lines[stream] else 2)
    command = [FFMPEG, "-v", "error", "-i", str(path), "-map", f"0:a:{stream}", "-f", "f32le", "-ac", str(channels)]
    raw = subprocess.run([*command, "-ar", str(rate), "-"], capture_output=True, check=True).stdout
    return np.frombuffer(raw, "<f4").reshape(-1, channels)


def clicks(sound: np.ndarray, threshold: float = 0.25, apart: int = 400) -> list[int]:
    """Return the samples at which clicks peak."""
    level = np.abs(sound).max(axis=1)
    loud = np.flatnonzero(level > threshold * max(level.max(), 1e-9))
    groups = np.split(loud, np.flatnonzero(np.diff(loud) > apart) + 1)
    return [int(group[np.argmax(level[group])]) for group in groups if len(group)]


def write_exr(path: Path, channels: dict[str, float]) -> None:
    """Write an OpenEXR image of 8 x 8 pixels with uncompressed half-float channels, each of one value, by name."""
    width = height = 8

    def attribute(name, kind, value):
        return name + b"\0" + kind + b"\0" + struct.pack("<I", len(value)) + value

    listed = b"".join(name.encode() + b"\0" + struct.pack("<iIii", 1, 0, 1, 1) for name in sorted(channels)) + b"\0"
    window = struct.pack("<4i", 0, 0, width - 1, height - 1)
    header = b"\x76\x2f\x31\x01" + struct.pack("<I", 2)
    header += attribute(b"channels", b"chlist", listed) + attribute(b"compression", b"compression", b"\0")
    header += attribute(b"dataWindow", b"box2i", window) + attribute(b"displayWindow", b"box2i", window)
    header += attribute(b"lineOrder", b"lineOrder", b"\0") + attribute(
        b"pixelAspectRatio", b"float", struct.pack("<f", 1)
    )
    header += attribute(b"screenWindowCenter", b"v2f", struct.pack("<2f", 0, 0))
    header += attribute(b"screenWindowWidth", b"float", struct.pack("<f", 1)) + b"\0"
    row = b"".join(np.full(width, channels[name], np.float16).tobytes() for name in sorted(channels))
    first = len(header) + 8 * height
    table = b"".join(struct.pack("<Q", first + n * (8 + len(row))) for n in range(height))
    path.write_bytes(header + table + b"".join(struct.pack("<iI", n, len(row)) + row for n in range(height)))


def xmp_of_wav(path: Path) -> bytes:
    """Return the XMP packet of a WAV, which says that its sound is generated."""
    with WavReader(path) as wav, path.open("rb") as file:
        offset, size = wav.format.chunks["_PMX"]
        file.seek(offset)
        return file.read(size)
