"""Sequences of images: found in a folder or by a pattern, and named to ffmpeg as one stream."""

from __future__ import annotations

import re
from collections import defaultdict
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInput
from ..timing import Rate
from . import ffmpeg

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..cancellation import CancelToken

DEFAULT_SEQUENCE_RATE = Rate(Fraction(24))
"""Images say nothing of time. 24 is the rate of film, and Blender's own default."""

IMAGE_SUFFIXES = frozenset(
    {".bmp", ".cin", ".dpx", ".exr", ".hdr", ".jp2", ".jpeg", ".jpg", ".png", ".tga", ".tif", ".tiff", ".webp"}
)
"""What Blender and ffmpeg both read as an image."""

LINEAR_LIGHT_SUFFIXES = frozenset({".exr", ".hdr"})
"""Formats that hold scene-linear light."""

_PATTERN = re.compile(r"%0?(\d*)d|#+")
_NUMBER = re.compile(r"(\d+)(?=\D*$)")


def is_sequence_pattern(path: Path) -> bool:
    """Whether a name stands for many: `shot.%04d.png`, `shot.####.exr`."""
    return bool(_PATTERN.search(path.name)) and path.suffix.lower() in IMAGE_SUFFIXES and not path.exists()


def find_sequence(path: Path) -> tuple[Path, tuple[str, ...]]:
    """The folder and the file names, in order, of the images in a folder, or of those that a pattern means.

    Raises:
        BadInput: there are none; a folder holds more than one sequence; a frame is missing between the first and the last.
    """
    folder = path if path.is_dir() else path.parent
    try:
        names = [each.name for each in folder.iterdir() if each.suffix.lower() in IMAGE_SUFFIXES and each.is_file()]
    except OSError as error:
        raise InvalidInput(f"{folder} cannot be read: {error.strerror or error}") from error
    shaped = _pattern_regex(path.name) if folder != path else None
    sequences: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for name in names:
        if name.startswith("."):
            continue
        if shaped is None:
            number = _NUMBER.search(Path(name).stem)
            stem = Path(name).stem[: number.start()] + "#" + Path(name).stem[number.end() :] if number else name
            sequences[stem + Path(name).suffix].append((int(number[1]) if number else 0, name))
        elif match := shaped.fullmatch(name):
            sequences[path.name].append((int(match[1]), name))
    if not sequences:
        raise InvalidInput(f"{path} holds no images: name a folder of them, or a pattern as shot.%04d.png")
    if len(sequences) > 1:
        raise InvalidInput(
            f"{path} holds more than one sequence ({_preview_names(sorted(sequences))}): name one as a pattern"
        )
    frames = sorted(*sequences.values())
    _check_complete(path, [number for number, _ in frames])
    return folder, tuple(name for _, name in frames)


def _pattern_regex(pattern: str) -> re.Pattern[str]:
    """A pattern as an expression: `%04d` takes four digits or more, `%d` any, `####` four or more."""
    mark = _PATTERN.search(pattern)
    if mark is None:
        raise InvalidInput(f"{pattern} is no pattern: write %04d or #### where the number stands")
    width = len(mark[0]) if mark[0].startswith("#") else int(mark[1] or 1)
    return re.compile(f"{re.escape(pattern[: mark.start()])}(\\d{{{width},}}){re.escape(pattern[mark.end() :])}")


def _check_complete(path: Path, numbers: Sequence[int]) -> None:
    if len(set(numbers)) < len(numbers):
        raise InvalidInput(f"{path} holds two images of one number: name one sequence as a pattern")
    gap = next(((a, b) for a, b in pairwise(numbers) if b - a > 1), None)
    if gap is not None:
        missing = str(gap[0] + 1) if gap[1] - gap[0] == 2 else f"{gap[0] + 1} to {gap[1] - 1}"
        raise InvalidInput(f"{path}: frame {missing} is missing: render it, or name a range without it")


def _preview_names(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (" …" if len(names) > 3 else "")


def sequence_stem(path: Path) -> str:
    """What a sequence is called in the names of files: a folder's own name, a pattern's without its number."""
    mark = _PATTERN.search(path.name)
    if path.is_dir() or mark is None:
        return path.name
    return path.name[: mark.start()].rstrip(" ._-") or path.absolute().parent.name


def encode_sequence(
    folder: Path,
    names: Sequence[str],
    rate: Rate,
    to: Path,
    work_dir: Path,
    *,
    cancel_token: CancelToken | None = None,
) -> None:
    """Write the images as a movie of their own size and rate: H.264 that is hard to tell from them, for players that want a file.

    Raises:
        MediaError, OutputError, Cancelled: as `ffmpeg.run_ffmpeg`.
    """
    script = work_dir / "images.txt"
    script.write_text(concat_script(folder, names), "utf-8")
    tick = f"{rate.fps.denominator}/{rate.fps.numerator}"
    stream = (
        sequence_stream(script, names)
        .filter("settb", tick)
        .filter("setpts", "N")
        .filter("scale", "ceil(iw/2)*2", "ceil(ih/2)*2", out_range="tv")
        .filter("format", "yuv420p")
    )
    out = stream.output(
        ffmpeg.output_url(to),
        format="mp4",
        vcodec="libx264",
        preset="fast",
        crf=16,
        fps_mode="passthrough",
        enc_time_base=tick.replace("/", ":"),
        video_track_timescale=rate.fps.numerator,
        movflags="+faststart",
    )
    ffmpeg.run_ffmpeg(out, f"could not make a movie of {names[0]}", cancel_token=cancel_token)


def sequence_stream(list_path: Path, names: Sequence[str]) -> Any:
    """A listing of such images as an ffmpeg-python stream. Scene-linear light is shown as on an sRGB screen (IEC 61966-2-1)."""
    stream = ffmpeg.input_stream(list_path, format="concat", safe=0)["V:0"]
    if Path(names[0]).suffix.lower() in LINEAR_LIGHT_SUFFIXES:
        light = "val/maxval"
        curve = f"maxval*if(lt({light},0.0031308),12.92*{light},1.055*pow({light},1/2.4)-0.055)"
        stream = stream.filter("format", "gbrap16").filter("lutrgb", r=curve, g=curve, b=curve)
    return stream


def concat_script(folder: Path, names: Sequence[str]) -> str:
    """The images as a script of ffmpeg's concat demuxer, each a file of its own, one after the other.

    Source: ffmpeg-formats, concat: a quote within quotes ends them, is escaped, and begins them again.
    """
    lines = ["ffconcat version 1.0"]
    for name in names:
        quoted = f"file:{(folder / name).absolute()}".replace("'", "'\\''")
        lines.append(f"file '{quoted}'\nduration 1")
    return "\n".join(lines) + "\n"
