"""Write `docs/formats.md`: each container and codec that ffmpeg writes, read and laid by Tracklay, and held to what ffmpeg plays.

    python scripts/docs/formats.py [--ffmpeg OTHER] [--only TEXT] [--results FILE] [--write]

A clip has frames whose brightness is their number. For every muxer and encoder that this ffmpeg, and OTHER if it is given, have, the
clip is written; pairs that ffmpeg refuses, or does not play back frame for frame itself, are left out. Then the proxy of the whole
clip, that of a span from its middle, and the laid film are compared with what ffmpeg plays. Takes about an hour, so the results are
kept in FILE and a second run goes on.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "addon")]

from tracklay.cue import Picture
from tracklay.errors import MediaError, TracklayError
from tracklay.media.extract import extract_proxy
from tracklay.media.ffmpeg_program import find_ffmpeg
from tracklay.media.film import mux
from tracklay.media.packets import decoded_frames
from tracklay.media.probe import VideoStream, probe_video
from tracklay.timing import Span, TimeMap

DOC = ROOT / "docs" / "formats.md"
FRAMES, RATE, STEP = 40, 25, 5
MIDDLE = 22, 12
"""First frame and length of the span from the middle."""

TOLERANCE = Fraction(6, 1000)
"""Seconds by which a frame may be off: FLV and Matroska count milliseconds, GIF hundredths."""

SCREEN_TOLERANCE = Fraction(11, 10_000)
"""Seconds before its time from which a frame counts as on screen: clocks that count milliseconds round up."""

SUFFIXES = {
    "3g2": "3g2", "3gp": "3gp", "apng": "apng", "asf": "wmv", "avi": "avi", "dv": "dv", "dvd": "vob", "f4v": "f4v", "flv": "flv",
    "gif": "gif", "gxf": "gxf", "h261": "h261", "h263": "h263", "h264": "h264", "hevc": "hevc", "hls": "m3u8", "ipod": "m4v",
    "ivf": "ivf", "m4v": "m4v", "matroska": "mkv", "mjpeg": "mjpeg", "mov": "mov", "mp4": "mp4", "mpeg": "mpg",
    "mpeg1video": "m1v", "mpeg2video": "m2v", "mpegts": "ts", "mxf": "mxf", "nut": "nut", "obu": "obu", "ogg": "ogv",
    "psp": "psp.mp4", "rm": "rm", "svcd": "svcd.mpg", "swf": "swf", "vcd": "vcd.mpg", "vob": "vob", "webm": "webm",
    "wtv": "wtv", "yuv4mpegpipe": "y4m",
}  # fmt: skip
"""Muxers in which a video can lie, and a suffix for each. Others write single images, checksums, streams or sound."""

VARIANTS = frozenset({"3g2", "dvd", "f4v", "ipod", "m4v", "psp", "svcd", "vcd"})
"""Muxers that write the container of another one. They are tried last."""

OPTIONS = {
    "dnxhd": ("-profile:v", "dnxhr_hq", "-s", "320x192", "-pix_fmt", "yuv422p"),
    "dvvideo": ("-s", "720x576", "-pix_fmt", "yuv420p"),
    "gif": ("-pix_fmt", "gray"),
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
}
"""Options of encoders that need a size, or that have B-frames."""

LEFT_OUT = re.compile(
    r"_(vaapi|nvenc|qsv|v4l2m2m|amf|omx|videotoolbox|mf|cuvid|vulkan|d3d12va|mediacodec)$|^(wrapped_avframe|vnull|librav1e|libsvtav1)"
    r"|^(libx264rgb|libopenh264|libxvid|bmp|dpx|exr|fits|hdr|pam|pbm|pcx|pfm|pgm|pgmyuv|phm|ppm|qoi|sgi|sunrast|targa|tiff|xbm|xface"
    r"|xwd|alias_pix|libwebp|libwebp_anim|vbn|wbmp|ljpeg|jpegls|jpegxl|libjxl|a64|a64multi|a64multi5|libxavs2?|libkvazaar)"
)
"""Encoders of hardware, of single images, of codecs that another encoder has, or that need minutes."""


def available(program: str, kind: str) -> set[str]:
    """Return the names of a program's muxers or video encoders."""
    text = subprocess.run([program, "-hide_banner", f"-{kind}"], capture_output=True, text=True, check=True).stdout
    pattern = r"^ *D?E +(\S+)" if kind == "muxers" else r"^ V\S{5} (\w\S*)"
    return {name for names in re.findall(pattern, text, re.MULTILINE) for name in names.split(",")}


def write_clip(program: str, path: Path, muxer: str, encoder: str) -> bool:
    """Write the clip. Return False if ffmpeg does not."""
    picture = f"nullsrc=s=160x96:r={RATE},trim=end_frame={FRAMES},geq=lum=16+{STEP}*N:cb=128:cr=128"
    options = OPTIONS.get(encoder, ("-q:v", "2"))
    command = [program, "-v", "error", "-y", "-f", "lavfi", "-i", picture, "-c:v", encoder, *options]
    command += ["-strict", "-2", "-f", muxer, str(path)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=60, check=False, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0 and path.exists() and path.stat().st_size > 0


def numbers(program: str, path: Path) -> list[int]:
    """Return the numbers of the frames that ffmpeg plays."""
    command = [program, "-v", "error", "-i", str(path), "-map", "0:V:0", "-fps_mode", "passthrough"]
    command += ["-vf", "scale=4:4:flags=area:out_range=tv,format=yuv420p", "-f", "rawvideo", "-"]
    data = subprocess.run(command, capture_output=True, check=False, stdin=subprocess.DEVNULL).stdout
    return [round((data[at] - 16) / STEP) for at in range(0, len(data), 24)]


def relative_times(path: Path) -> list[Fraction]:
    """Return the times of the frames that ffmpeg plays, in seconds from the first."""
    times = [frame.time for frame in decoded_frames(path, Fraction(1, RATE), runs_on=True)]
    return [time - times[0] for time in times]


def examine(program: str, path: Path, take: Path) -> dict[str, Any] | None:
    """Return a row of the table; None if ffmpeg itself does not play the clip frame for frame."""
    played = numbers(program, path)
    try:
        times = relative_times(path)
    except MediaError:
        return None
    if len(played) < FRAMES - 2 or sorted(set(played)) != played or len(played) != len(times):
        return None
    if times[-1] * RATE < FRAMES // 2:  # a raw stream whose frame numbers pass for ticks
        return None
    # Without presentation times ffmpeg guesses those of the first and the last frames; the clip was written at equal distances.
    if all(abs((b - a) * RATE - 1) < Fraction(1, 50) for a, b in pairwise(times[4:-4])) and len(played) == FRAMES:
        times = [Fraction(n, RATE) for n in range(FRAMES)]
    media, video = probe_video(path)
    film = path.with_name(f"film.{mux.choose_container(media, video)}")
    mux.mux_takes(media, video, [(take, Fraction(0))], film)
    return {
        "codec": video.codec,
        "frames": video.frames,
        "rate": str(video.rate),
        "reading": reading(video),
        "film": f"{'copied' if video.has_pts and probe_video(film)[1].codec == video.codec else 'encoded'}, {film.suffix[1:]}",
        "faults": [*proxy_faults(program, path, played, times), *film_faults(program, film, played, times)],
    }


def reading(video: VideoStream) -> str:
    """Return how a stream's times are found."""
    if not video.has_pts:
        return "decoder"
    if video.has_index:
        return "index"
    return "all packets" if video.can_seek else "all packets, from the start"


def proxy_faults(program: str, path: Path, played: list[int], times: list[Fraction]) -> list[str]:
    """Return what is wrong with a clip's length and its proxies."""
    video = probe_video(path)[1]
    faults = []
    if video.frames != round((times[-1] + video.rate.seconds(1)) * video.rate.fps):
        faults.append(f"{video.frames} frames of {len(played)}")
    for name, first, count in (("whole", 0, video.frames), ("middle", *MIDDLE)):
        span = Span(first, min(count, video.frames - first), video.rate)
        picture = Picture(path, TimeMap.linear(span, span.start_seconds), rate=video.rate)
        proxy = extract_proxy(picture, span, path.with_name("proxy.mp4"))
        begin, end = span.start_seconds, video.rate.seconds(span.end)
        opening = max(n for n, time in enumerate(times) if time <= begin + SCREEN_TOLERANCE)
        later = [n for n, time in enumerate(times) if n > opening and time < end - SCREEN_TOLERANCE]
        if numbers(program, proxy.path) != [played[n] for n in (opening, *later)]:
            faults.append(f"{name}: {numbers(program, proxy.path)}")
        elif any(abs(at - (times[n] - begin)) > TOLERANCE for at, n in zip(proxy.times[1:], later, strict=True)):
            faults.append(f"{name}: times")
    return faults


def film_faults(program: str, film: Path, played: list[int], times: list[Fraction]) -> list[str]:
    """Return what is wrong with a laid film."""
    if numbers(program, film) != played:
        return [f"film: {numbers(program, film)}"]
    if any(abs(a - b) > TOLERANCE for a, b in zip(relative_times(film), times, strict=True)):
        return ["film: times"]
    return []


def table(results: dict[str, dict[str, Any]]) -> str:
    """Return the document."""
    rows = [
        f"| {key.partition('/')[0]} | {row['codec']} | {row['reading']} | {row['frames']} | right | right | {row['film']} |"
        for key, row in sorted(results.items())
        if not row["faults"]
    ]
    wrong = [f"- {key}: {'; '.join(row['faults'])}" for key, row in sorted(results.items()) if row["faults"]]
    return f"""# Containers and codecs

`scripts/docs/formats.py` writes this file. A clip of {FRAMES} numbered frames is written with every container and encoder that ffmpeg
has and that hold a video; pairs that ffmpeg does not write, or does not play frame for frame itself, are left out. The proxies of the
whole clip and of a span from its middle, and the laid film, are compared with what ffmpeg plays: every frame and its time.

*Times* are those of the container's index, of all its packets, or of the decoder, where packets have none. A film is *copied* if its
container takes the packets and then shows the same frames; otherwise it is encoded. Every laid film is checked after it is written:
number and times of frames, channels, and that it decodes at both ends.

{len(rows)} pairs are right, {len(wrong)} are wrong.
{chr(10).join(["", *wrong, ""]) if wrong else ""}
| container | codec | times | frames | whole | middle | film |
|---|---|---|---|---|---|---|
{chr(10).join(rows)}
"""


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ffmpeg", help="another ffmpeg, which must have each muxer and encoder too")
    parser.add_argument("--only", default="", help="only pairs `muxer/encoder` that contain this text")
    parser.add_argument("--results", type=Path, default=Path(tempfile.gettempdir()) / "tracklay-formats.json")
    parser.add_argument("--write", action="store_true", help="write docs/formats.md from the results")
    options = parser.parse_args()
    program = find_ffmpeg()
    muxers, encoders = available(program, "muxers") & SUFFIXES.keys(), available(program, "encoders")
    if options.ffmpeg:
        muxers &= available(options.ffmpeg, "muxers")
        encoders &= available(options.ffmpeg, "encoders")
    encoders = {name for name in encoders if not LEFT_OUT.search(name)}
    results = json.loads(options.results.read_text("utf-8")) if options.results.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        take = Path(folder) / "take.wav"
        subprocess.run(
            [program, "-v", "error", "-f", "lavfi", "-i", "anullsrc=cl=stereo:r=48000:d=2", take], check=True
        )
        for key in (
            f"{muxer}/{encoder}"
            for muxer in sorted(muxers, key=lambda name: (name in VARIANTS, name))
            for encoder in sorted(encoders)
        ):
            if options.only not in key or key in results:
                continue
            muxer, _, encoder = key.partition("/")
            work = Path(tempfile.mkdtemp(dir=folder))
            path = work / f"clip.{SUFFIXES[muxer]}"
            row = None
            if write_clip(program, path, muxer, encoder):
                try:
                    row = examine(program, path, take)
                except (TracklayError, subprocess.SubprocessError, ValueError) as error:
                    row = {"codec": encoder, "faults": [f"{type(error).__name__}: {error}"]}
                print(key, row and (row["faults"] or row["film"]), flush=True)
            results[key] = row
            options.results.write_text(json.dumps(results), "utf-8")
    rows = {key: row for key, row in results.items() if row}
    if options.write:
        DOC.write_text(table(rows), "utf-8")
    return 1 if any(row["faults"] for row in rows.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
