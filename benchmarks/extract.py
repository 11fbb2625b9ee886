"""What extracting costs: 8 s out of the middle of a file, against ffmpeg decoding that span to nothing, moviepy, and Blender's render.

    python benchmarks/extract.py [--codec h264|hevc|prores] [--size 1920x1080] [--noise 10] [--runs 3] [--only WAY…]
    python benchmarks/extract.py --clips 200 [--size 640x360]

With `--clips` it is so many small files instead, two at a time, against the sum of their decodes one after the other.

Every way runs in turn, round after round, and what is printed are medians and ratios to the decode, of seconds by the clock and of
seconds of processor: the clock's mean little on a shared machine. Blender's render is measured where `bpy` can be imported. The
source is noise over a moving pattern, which costs a decoder about what film grain does.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from addon.cue import Picture
from addon.media import ffmpeg
from addon.media.extract import SHORT_SIDE, extract
from addon.timing import Rate, Span, TimeMap

RATE = 25
SOURCE_SECONDS = 12
START, SECONDS = 2, 8
CLIP_SECONDS = 4
"""What one of many small clips lasts."""

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


def make_source(path: Path, size: str, noise: int, codec: str, seconds: int = SOURCE_SECONDS) -> None:
    """A clip as grainy as asked: two seconds that are encoded, over and over."""
    drawn = ["-f", "lavfi", "-i", f"testsrc2=s={size}:r={RATE}:d=2", "-vf", f"noise=alls={noise}:allf=t"]
    begin = path.with_name(f"begin{path.suffix}")
    subprocess.run([ffmpeg.program(), "-v", "error", "-y", *drawn, *CODECS[codec], str(begin)], check=True)
    again = ["-stream_loop", str(seconds // 2 - 1), "-i", str(begin), "-c", "copy", str(path)]
    subprocess.run([ffmpeg.program(), "-v", "error", "-y", *again], check=True)


def decode(source: Path) -> int:
    """The limit: the span decoded, nothing made of it."""
    span = ["-ss", str(START), "-t", str(SECONDS), "-i", str(source), "-map", "0:v", "-f", "null", "-"]
    subprocess.run([ffmpeg.program(), "-v", "error", *span], check=True)
    return 0


def tracklay(source: Path, start: int = START, seconds: int = SECONDS) -> int:
    """Look at the file and extract, as a cue does."""
    span = Span(start * RATE, seconds * RATE, Rate(Fraction(RATE)))
    plays = Picture(source, TimeMap.straight(span, span.start_seconds))
    return extract(plays, span, source.with_suffix(".proxy.mp4")).path.stat().st_size


def moviepy(source: Path) -> int:
    """The same with moviepy's own calls."""
    from moviepy import VideoFileClip

    to = source.with_name("moviepy.mp4")
    with VideoFileClip(str(source), audio=False) as clip:
        small = clip.subclipped(START, START + SECONDS).resized(height=SHORT_SIDE)
        small.write_videofile(str(to), codec="libx264", preset="veryfast", audio=False, logger=None)
    return to.stat().st_size


def blender(source: Path) -> int:
    """The same by Blender's own render of the sequencer, in a process of its own."""
    to = source.with_name("blender.mp4")
    script = f"""
import bpy
scene = bpy.context.scene
scene.render.fps = {RATE}
editor = scene.sequence_editor_create()
strips = getattr(editor, "strips", None) or editor.sequences
strips.new_movie("source", {str(source)!r}, 1, 1)
scene.frame_start, scene.frame_end = {START * RATE + 1}, {(START + SECONDS) * RATE}
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


def processor() -> float:
    """Seconds of processor that this process and those it started have used."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def clips(count: int, size: str, noise: int) -> None:
    """Many small clips, two at a time, against the sum of their decodes. Each is a file of its own, looked at for the first time."""
    with tempfile.TemporaryDirectory() as folder:
        first = Path(folder) / "0.mp4"
        make_source(first, size, noise, "h264", CLIP_SECONDS)
        paths = [first, *(first.with_name(f"{number}.mp4") for number in range(1, count))]
        for path in paths[1:]:
            path.write_bytes(first.read_bytes())
        begun = time.perf_counter()
        for path in paths:
            subprocess.run(
                [ffmpeg.program(), "-v", "error", "-i", str(path), "-map", "0:v", "-f", "null", "-"], check=True
            )
        decodes = time.perf_counter() - begun
        begun = time.perf_counter()
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda path: tracklay(path, 0, CLIP_SECONDS), paths))
        ours = time.perf_counter() - begun
        print(
            f"{count} clips of {CLIP_SECONDS} s, {size}: {ours:.1f} s, {ours / decodes:.2f} x the sum of their decodes ({decodes:.1f} s)"
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="1920x1080")
    parser.add_argument("--codec", default="h264", choices=CODECS)
    parser.add_argument("--noise", type=int, default=10, help="0 is a clean screen recording, 10 film grain")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", nargs="*", help="the ways to measure beside the decode")
    parser.add_argument("--clips", type=int, metavar="N", help="measure N small clips")
    options = parser.parse_args()
    if options.clips:
        clips(options.clips, options.size, options.noise)
        return
    ways = {"decode to nothing": decode, "tracklay": tracklay}
    try:
        import moviepy as _  # noqa: F401
    except ImportError:
        print("moviepy is not installed: left out")
    else:
        ways["moviepy"] = moviepy
    if subprocess.run([sys.executable, "-c", "import bpy"], capture_output=True, check=False).returncode == 0:
        ways["Blender's render"] = blender
    else:
        print("bpy is not installed: Blender's render left out")
    if options.only is not None:
        ways = {name: way for name, way in ways.items() if way is decode or name in options.only}
    os.environ.setdefault("FFMPEG_BINARY", ffmpeg.program())
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / ("source.mov" if options.codec == "prores" else "source.mp4")
        make_source(source, options.size, options.noise, options.codec)
        clock: dict[str, list[float]] = {name: [] for name in ways}
        work: dict[str, list[float]] = {name: [] for name in ways}
        sizes = dict.fromkeys(ways, 0)
        for turn in range(options.runs + 1):
            for name, way in ways.items():
                begun, worked = time.perf_counter(), processor()
                sizes[name] = way(source)
                if turn:  # the first round warms the file cache
                    clock[name].append(time.perf_counter() - begun)
                    work[name].append(processor() - worked)
        share = source.stat().st_size * SECONDS / SOURCE_SECONDS
        print(f"{SECONDS} s of {options.size} {options.codec} at {RATE} fps, {options.runs} rounds, medians")
        for name, times in clock.items():
            ratio, effort = (
                statistics.median(a / b for a, b in zip(each[name], each["decode to nothing"], strict=True))
                for each in (clock, work)
            )
            size = f"{sizes[name] / share:8.3%} of the span's bytes" if sizes[name] else ""
            print(
                f"{name:18} {statistics.median(times):7.2f} s {ratio:6.2f} x decode, {effort:.2f} x its processor time {size}"
            )


if __name__ == "__main__":
    main()
