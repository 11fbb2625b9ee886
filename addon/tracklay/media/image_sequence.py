"""Image sequences: found in a folder or by a pattern, and given to ffmpeg as one stream."""

from __future__ import annotations

import contextlib
import re
from collections import defaultdict
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInput
from ..timing import Rate
from . import ffmpeg
from .input_formats import IMAGE_FORMATS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..cancellation import CancelToken

DEFAULT_SEQUENCE_RATE = Rate(Fraction(24))
"""Frames per second of a sequence without a given rate: that of film, and Blender's default."""

IMAGE_SUFFIXES = frozenset(
    {".bmp", ".cin", ".dpx", ".exr", ".hdr", ".jp2", ".jpeg", ".jpg", ".png", ".tga", ".tif", ".tiff", ".webp"}
)
"""Suffixes of image formats that both Blender and ffmpeg read."""

LINEAR_LIGHT_SUFFIXES = frozenset({".exr", ".hdr"})
"""Suffixes of formats with scene-linear light."""

CONCAT_SIGNATURE = "ffconcat version 1.0"
"""First line of a script of ffmpeg's concat demuxer, by which ffmpeg recognizes one whatever its name."""

_PATTERN = re.compile(r"%0?(\d*)d|#+")
_NUMBER = re.compile(r"(\d+)(?=\D*$)")


def is_sequence_pattern(path: Path) -> bool:
    """Return True if a path is a pattern of file names, as `shot.%04d.png` or `shot.####.exr`, and no file of that very name."""
    return bool(_PATTERN.search(path.name)) and path.suffix.lower() in IMAGE_SUFFIXES and not path.exists()


def find_sequence(path: Path) -> tuple[Path, tuple[str, ...]]:
    """Return the folder and the file names, in order, of the images in a folder, or of those that match a pattern.

    Raises:
        InvalidInput: there are none, or of more than one sequence; or a frame is missing between the first and the last.
    """
    folder = path if path.is_dir() else path.parent
    try:
        names = [each.name for each in folder.iterdir() if each.suffix.lower() in IMAGE_SUFFIXES and each.is_file()]
    except OSError as error:
        raise InvalidInput(
            "sequence.folder_unreadable",
            "Could not read the folder {path}: {reason}.",
            path=folder,
            reason=error.strerror or str(error),
        ) from error
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
        raise InvalidInput(
            "sequence.no_images",
            "No images found: {path}. Use a folder of images, or a pattern such as shot.%04d.png.",
            path=path.absolute(),  # `.` would read as a second full stop
        )
    if len(sequences) > 1:
        raise InvalidInput(
            "sequence.several",
            "The folder has more than one sequence ({names}): {path}. Use a pattern that matches one.",
            names=_preview_names(sorted(sequences)),
            path=path,
        )
    frames = sorted(*sequences.values())
    _check_complete(path, [number for number, _ in frames])
    return folder, tuple(name for _, name in frames)


def _pattern_regex(pattern: str) -> re.Pattern[str]:
    """Return the regular expression of a pattern: `%04d` and `####` match four or more digits, `%d` any number."""
    number = _PATTERN.search(pattern)
    if number is None:
        raise InvalidInput(
            "sequence.invalid_pattern",
            "Not a pattern of file names: {pattern}. Write %04d or #### for the number.",
            pattern=pattern,
        )
    width = len(number[0]) if number[0].startswith("#") else int(number[1] or 1)
    return re.compile(f"{re.escape(pattern[: number.start()])}(\\d{{{width},}}){re.escape(pattern[number.end() :])}")


def _check_complete(path: Path, numbers: Sequence[int]) -> None:
    if len(set(numbers)) < len(numbers):
        raise InvalidInput(
            "sequence.duplicate_number",
            "Two images have the same number: {path}. Use a pattern that matches one of them.",
            path=path,
        )
    gap = next(((a, b) for a, b in pairwise(numbers) if b - a > 1), None)
    if gap is not None:
        missing = str(gap[0] + 1) if gap[1] - gap[0] == 2 else f"{gap[0] + 1} to {gap[1] - 1}"
        raise InvalidInput(
            "sequence.missing_frame",
            "Frame {missing} is missing: {path}. Render it, or use a range without it.",
            missing=missing,
            path=path,
        )


def _preview_names(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (" …" if len(names) > 3 else "")


def sequence_stem(path: Path) -> str:
    """Return the name of a sequence for names of files: that of the folder, or the pattern without its number."""
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
    """Write the images as an H.264 movie of their own size, visually lossless, for players that need a file.

    Args:
        folder: folder of the images.
        names: file names, in order.
        rate: frame rate of the movie.
        to: the MP4 to write.
        work_dir: folder for temporary files.
        cancel_token: cancels the work.

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
    ffmpeg.run_ffmpeg(out, f"Could not make a movie of {names[0]}", cancel_token=cancel_token)


def sequence_stream(list_path: Path, names: Sequence[str]) -> Any:
    """Return an ffmpeg-python stream of images listed in a concat script. Scene-linear light is shown as on an sRGB screen."""
    stream = ffmpeg.input_stream(list_path, formats=["concat", "image2", *IMAGE_FORMATS], format="concat", safe=0)[
        "V:0"
    ]
    if Path(names[0]).suffix.lower() in LINEAR_LIGHT_SUFFIXES:
        light = "val/maxval"
        # The transfer function of sRGB (IEC 61966-2-1).
        curve = f"maxval*if(lt({light},0.0031308),12.92*{light},1.055*pow({light},1/2.4)-0.055)"
        stream = stream.filter("format", "gbrap16").filter("lutrgb", r=curve, g=curve, b=curve)
    return stream


def concat_script(folder: Path, names: Sequence[str]) -> str:
    """Return a script of ffmpeg's concat demuxer that plays the images one after the other, each for a second.

    Raises:
        InvalidInput: an image is such a script itself. ffmpeg would read the files that it names.
    """
    lines = [CONCAT_SIGNATURE]
    for name in names:
        with contextlib.suppress(OSError), (folder / name).open("rb") as image:
            if image.read(len(CONCAT_SIGNATURE)) == CONCAT_SIGNATURE.encode():
                raise InvalidInput(
                    "sequence.not_an_image", "Not an image but a list of files: {path}.", path=folder / name
                )
        # A quote within quotes ends them, is escaped, and opens them again (ffmpeg-formats(1), concat).
        quoted = f"file:{(folder / name).absolute()}".replace("'", "'\\''")
        lines.append(f"file '{quoted}'\nduration 1")
    return "\n".join(lines) + "\n"
