"""Cost of extraction: 8 s from the middle of a file, compared with a plain ffmpeg decode of that span, moviepy, and Blender's render.

    python benchmarks/extract.py [--codec h264|hevc|prores] [--size 3840x2160] [--minutes 60] [--noise 10] [--runs 3] [--only VARIANT…]
    python benchmarks/extract.py --clips 200 [--size 640x360]
    python benchmarks/extract.py --cuts 10 [--codec …] [--size …] [--noise …] [--runs …]

With `--cuts`, one clip with N cuts and a shot every two seconds: finding the cuts and extracting each shot's proxy in one decode, compared
with finding the cuts first and extracting each shot by itself, and with one plain decode of the clip.

With `--clips`, N small files, two at a time, compared with the sum of their plain decodes.

The source has any length and the size of two seconds: its index lists the same frames repeatedly. The variants run in turn, for several
rounds. The output has medians and ratios to the plain decode, of wall time and of CPU time; wall time means little on a shared machine.
Blender's render is measured if `bpy` can be imported. The source is noise over a moving pattern, which costs a decoder about as much as
film grain.
"""

from __future__ import annotations

import argparse
import os
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "addon")]

from tracklay.cue import Picture, ProxySpec
from tracklay.media import ffmpeg_program, fingerprint, proxy_cache
from tracklay.media.extract import SHORT_SIDE, extract_proxy
from tracklay.media.shot_detection import find_cuts
from tracklay.timing import Rate, Span, TimeMap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

RATE = 25
DRAWN_SECONDS = 2
"""Length of the part of a source that is encoded."""

SECONDS = 8
"""Length of the span that is extracted."""

CLIP_SECONDS = 4
"""Length of each of the small clips."""

CODECS = {
    "h264": ["-c:v", "libx264", "-preset", "superfast", "-crf", "20", "-g", "50", "-pix_fmt", "yuv420p"],
    "hevc": [
        "-c:v",
        "libx265",
        "-preset",
        "ultrafast",
        "-crf",
        "22",
        "-g",
        "50",
        "-pix_fmt",
        "yuv420p",
        "-x265-params",
        "log-level=error",
    ],
    "prores": ["-c:v", "prores_ks", "-profile:v", "2", "-pix_fmt", "yuv422p10le"],
}


def make_source(path: Path, size: str, noise: int, codec: str, seconds: int) -> None:
    """Write a clip with noise: two seconds, repeated."""
    drawn = ["-f", "lavfi", "-i", f"testsrc2=s={size}:r={RATE}:d={DRAWN_SECONDS}", "-vf", f"noise=alls={noise}:allf=t"]
    subprocess.run([ffmpeg_program.find_ffmpeg(), "-v", "error", "-y", *drawn, *CODECS[codec], str(path)], check=True)
    path.write_bytes(repeated(path.read_bytes(), seconds // DRAWN_SECONDS))


HOLDS = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts")
"""Boxes of an MP4 whose inner boxes are changed."""

LASTS = {b"mvhd": 16, b"tkhd": 20, b"mdhd": 16, b"elst": 8}
"""Offset of the duration in boxes of version 0, after size and name."""


def repeated(movie: bytes, times: int) -> bytes:
    """Return an MP4 of one stream whose index lists its frames `times` times; the data stays the same (ISO 14496-12, section 8)."""
    at, boxes = 0, []
    while at < len(movie):
        (size,) = struct.unpack_from(">I", movie, at)
        boxes.append(movie[at : at + (size or len(movie) - at)])
        at += size or len(movie) - at
    last = boxes.pop()
    if last[4:8] != b"moov":
        raise ValueError("the index is not the last thing in the file")
    return b"".join([*boxes, _lasting(last, times)])


def _lasting(box: bytes, times: int) -> bytes:
    """Return a box of the index with its durations and tables repeated."""
    name, body = box[4:8], bytearray(box[8:])
    if name in LASTS:
        (length,) = struct.unpack_from(">I", body, LASTS[name])
        struct.pack_into(">I", body, LASTS[name], length * times)
    elif name == b"stbl":
        return _table(body, times)
    elif name in HOLDS:
        body = bytearray(b"".join(_lasting(part, times) for part in _parts(bytes(body))))
    return _box(name, bytes(body))


def _box(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", len(body) + 8, name) + body


def _parts(body: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(body):
        (size,) = struct.unpack_from(">I", body, at)
        yield body[at : at + size]
        at += size


def _table(body: bytearray, times: int) -> bytes:
    """Return a repeated `stbl`. Each frame becomes a chunk of its own, so that it can be listed again."""
    parts = {part[4:8]: part[8:] for part in _parts(bytes(body))}

    def numbers(name: bytes, skip: int = 8) -> list[int]:
        return [value for (value,) in struct.iter_unpack(">I", parts[name][skip:])] if name in parts else []

    sizes, chunks, shared = numbers(b"stsz", 12), numbers(b"stco"), numbers(b"stsc")
    per_chunk = dict(zip(shared[::3], shared[1::3], strict=True))
    places, frames, held = [], iter(sizes), 1
    for number, place in enumerate(chunks, 1):
        held = per_chunk.get(number, held)
        for _ in range(held):
            places.append(place)
            place += next(frames)  # noqa: PLW2901 - the next frame of the chunk lies after it
    keys = [key + turn * len(sizes) for turn in range(times) for key in numbers(b"stss")]
    made = {
        b"stsd": parts[b"stsd"],
        b"stts": _full([*numbers(b"stts")] * times, 2),
        b"stss": _full(keys, 1),
        b"ctts": _full([*numbers(b"ctts")] * times, 2),
        b"stsc": _full([1, 1, 1], 3),
        b"stsz": b"\0" * 8 + struct.pack(f">{1 + times * len(sizes)}I", times * len(sizes), *sizes * times),
        b"stco": _full(places * times, 1),
    }
    return _box(b"stbl", b"".join(_box(name, part) for name, part in made.items() if name in parts))


def _full(values: list[int], columns: int) -> bytes:
    """Return a table with its version and number of rows."""
    return struct.pack(f">{2 + len(values)}I", 0, len(values) // columns, *values)


def decode(source: Path, start: int, seconds: int = SECONDS) -> int:
    """Decode the span without any output: the lower limit."""
    span = ["-ss", str(start), "-t", str(seconds), "-i", str(source), "-map", "0:v", "-f", "null", "-"]
    subprocess.run([ffmpeg_program.find_ffmpeg(), "-v", "error", *span], check=True)
    return 0


def tracklay(source: Path, start: int, seconds: int = SECONDS) -> int:
    """Probe the file and extract, as a cue does."""
    span = Span(start * RATE, seconds * RATE, Rate(Fraction(RATE)))
    plays = Picture(source, TimeMap.linear(span, span.start_seconds))
    return extract_proxy(plays, span, source.with_suffix(".proxy.mp4")).path.stat().st_size


def moviepy(source: Path, start: int) -> int:
    """Extract with moviepy."""
    from moviepy import VideoFileClip

    to = source.with_name("moviepy.mp4")
    with VideoFileClip(str(source), audio=False) as clip:
        small = clip.subclipped(start, start + SECONDS).resized(height=SHORT_SIDE)
        small.write_videofile(str(to), codec="libx264", preset="veryfast", audio=False, logger=None)
    return to.stat().st_size


def blender(source: Path, start: int) -> int:
    """Extract with Blender's render of the sequencer, in another process."""
    to = source.with_name("blender.mp4")
    script = f"""
import bpy
scene = bpy.context.scene
scene.render.fps = {RATE}
editor = scene.sequence_editor_create()
strips = editor.strips
strips.new_movie("source", {str(source)!r}, 1, 1)
scene.frame_start, scene.frame_end = {start * RATE + 1}, {(start + SECONDS) * RATE}
scene.render.resolution_x, scene.render.resolution_y = 682, 384
if hasattr(scene.render.image_settings, "media_type"):
    scene.render.image_settings.media_type = "VIDEO"
scene.render.image_settings.file_format = "FFMPEG"
scene.render.ffmpeg.format = "MPEG4"
scene.render.ffmpeg.codec = "H264"
scene.render.filepath = {str(to)!r}
scene.render.use_file_extension = False
bpy.ops.render.render(animation=True)
"""
    subprocess.run([sys.executable, "-c", script], check=True, stdout=subprocess.DEVNULL)
    return to.stat().st_size


def drawn_bytes(source: Path) -> int:
    """Return the size of a source's frames in bytes, without its index."""
    movie, at, found = source.read_bytes(), 0, 0
    while at < len(movie):
        size, name = struct.unpack_from(">I4s", movie, at)
        found += size if name == b"mdat" else 0
        at += size
    return found


def make_film(path: Path, size: str, noise: int, codec: str, cuts: int) -> None:
    """Write a clip with cuts: shots of `DRAWN_SECONDS`, each the negative of the one before."""
    seconds = (cuts + 1) * DRAWN_SECONDS
    drawn = ["-f", "lavfi", "-i", f"testsrc2=s={size}:r={RATE}:d={2 * DRAWN_SECONDS}"]
    drawn += ["-vf", f"negate=enable='gte(t,{DRAWN_SECONDS})',noise=alls={noise}:allf=t"]
    subprocess.run([ffmpeg_program.find_ffmpeg(), "-v", "error", "-y", *drawn, *CODECS[codec], str(path)], check=True)
    path.write_bytes(repeated(path.read_bytes(), -(-seconds // (2 * DRAWN_SECONDS))))


def cut_up(source: Path, count: int, *, at_once: bool) -> None:
    """Find the cuts of a clip and extract each shot, as Cues from Cuts does, with an empty cache."""
    span = Span(0, (count + 1) * DRAWN_SECONDS * RATE, Rate(Fraction(RATE)))
    picture = Picture(source, TimeMap.linear(span, Fraction(0)))
    sized = ProxySpec(SHORT_SIDE)
    with tempfile.TemporaryDirectory() as home:
        os.environ["TRACKLAY_HOME"] = home
        found = find_cuts(
            picture, span, source.parent, min_shot_frames=RATE // 2, proxy_spec=sized if at_once else None
        )
        if len(found) != count:
            raise ValueError(f"found {len(found)} of {count} cuts")
        for first, after in pairwise([span.start, *found, span.end]):
            shot, to = Span(first, after - first, span.rate), source.with_name("shot.mp4")
            proxy_cache.extract_cached(picture, shot, to, **sized._asdict())


def films(count: int, size: str, noise: int, codec: str, runs: int) -> None:
    """Measure one clip with cuts: both variants in turn, and the plain decode."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / ("film.mov" if codec == "prores" else "film.mp4")
        make_film(source, size, noise, codec, count)
        time.sleep(fingerprint.MIN_SOURCE_AGE_SECONDS)  # a younger file is not cached
        seconds = (count + 1) * DRAWN_SECONDS
        ways: dict[str, Callable[[], object]] = {
            "plain decode": lambda: decode(source, 0, seconds),
            "cuts, then each shot": lambda: cut_up(source, count, at_once=False),
            "all in one decoding": lambda: cut_up(source, count, at_once=True),
        }
        costs = rounds(ways, runs, warming=False)
        print(f"{seconds} s of {size} {codec} with {count} cuts, {runs} rounds, medians")
        for name, cost in costs.items():
            print(f"{name:20} {cost}")


def rounds(ways: Mapping[str, Callable[[], object]], runs: int, *, warming: bool) -> dict[str, str]:
    """Run the variants in turn, `runs` times, and return the cost of each. With `warming`, an extra round fills the file cache first."""
    clock: dict[str, list[float]] = {name: [] for name in ways}
    work: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(runs + warming):
        for name, way in ways.items():
            begun, worked = time.perf_counter(), processor()
            way()
            if turn >= warming:
                clock[name].append(time.perf_counter() - begun)
                work[name].append(processor() - worked)
    first, costs = next(iter(ways)), {}
    for name, times in clock.items():
        ratio, effort = (
            statistics.median(a / b for a, b in zip(each[name], each[first], strict=True)) for each in (clock, work)
        )
        costs[name] = f"{statistics.median(times):7.2f} s {ratio:6.2f} x decode, {effort:.2f} x its CPU time"
    return costs


def processor() -> float:
    """Return the CPU time, in seconds, of this process and its children."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def clips(count: int, size: str, noise: int) -> None:
    """Measure many small clips, two at a time, and the sum of their plain decodes. Each is a new file."""
    with tempfile.TemporaryDirectory() as folder:
        first = Path(folder) / "0.mp4"
        make_source(first, size, noise, "h264", CLIP_SECONDS)
        paths = [first, *(first.with_name(f"{number}.mp4") for number in range(1, count))]
        for path in paths[1:]:
            path.write_bytes(first.read_bytes())
        begun, worked = time.perf_counter(), processor()
        for path in paths:
            subprocess.run(
                [ffmpeg_program.find_ffmpeg(), "-v", "error", "-i", str(path), "-map", "0:v", "-f", "null", "-"],
                check=True,
            )
        decodes, effort = time.perf_counter() - begun, processor() - worked
        begun, worked = time.perf_counter(), processor()
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda path: tracklay(path, 0, CLIP_SECONDS), paths))
        ours, work = time.perf_counter() - begun, processor() - worked
        print(
            f"{count} clips of {CLIP_SECONDS} s, {size}: {ours:.1f} s, {ours / decodes:.2f} x the sum of their decodes ({decodes:.1f} s), "
            f"{work / effort:.2f} x their CPU time"
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="1920x1080")
    parser.add_argument("--codec", default="h264", choices=CODECS)
    parser.add_argument("--minutes", type=int, default=60, help="length of the file (default: 60)")
    parser.add_argument(
        "--noise", type=int, default=10, help="0 for a clean screen recording, 10 for film grain (default)"
    )
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", nargs="*", help="variants to measure besides the plain decode")
    parser.add_argument("--clips", type=int, metavar="N", help="measure N small clips")
    parser.add_argument("--cuts", type=int, metavar="N", help="measure one clip of N cuts")
    options = parser.parse_args()
    if options.cuts:
        films(options.cuts, options.size, options.noise, options.codec, options.runs)
        return
    if options.clips:
        clips(options.clips, options.size, options.noise)
        return
    ways: dict[str, Callable[[Path, int], int]] = {"plain decode": decode, "tracklay": tracklay}
    try:
        import moviepy as _  # noqa: F401
    except ImportError:
        print("moviepy is not installed: skipped")
    else:
        ways["moviepy"] = moviepy
    if subprocess.run([sys.executable, "-c", "import bpy"], capture_output=True, check=False).returncode == 0:
        ways["Blender's render"] = blender
    else:
        print("bpy is not installed: Blender's render skipped")
    if options.only is not None:
        ways = {name: way for name, way in ways.items() if way is decode or name in options.only}
    os.environ.setdefault("FFMPEG_BINARY", ffmpeg_program.find_ffmpeg())
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / ("source.mov" if options.codec == "prores" else "source.mp4")
        make_source(source, options.size, options.noise, options.codec, options.minutes * 60)
        start = options.minutes * 30
        sizes = dict.fromkeys(ways, 0)

        def sizing(name: str, way: Callable[[Path, int], int]) -> None:
            sizes[name] = way(source, start)

        timed = {name: partial(sizing, name, way) for name, way in ways.items()}
        costs = rounds(timed, options.runs, warming=options.runs > 1)
        share = drawn_bytes(source) * SECONDS / DRAWN_SECONDS
        print(
            f"{SECONDS} s out of {options.minutes} minutes of {options.size} {options.codec} at {RATE} fps, {options.runs} rounds, medians"
        )
        for name, cost in costs.items():
            print(f"{name:18} {cost} " + (f"{sizes[name] / share:8.3%} of the span's bytes" if sizes[name] else ""))


if __name__ == "__main__":
    main()
