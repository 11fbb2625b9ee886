"""Image sequences: found in a folder or by a pattern, and given to ffmpeg as one stream."""

from __future__ import annotations

import contextlib
import re
import struct
from collections import defaultdict
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInput, MediaError
from ..timing import Rate
from . import ffmpeg
from .input_formats import IMAGE_FORMATS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

DEFAULT_SEQUENCE_RATE = Rate(Fraction(24))
"""Frames per second of a sequence without a given rate: that of film, and Blender's default."""

IMAGE_SUFFIXES = frozenset(
    {".bmp", ".cin", ".dpx", ".exr", ".hdr", ".jp2", ".jpeg", ".jpg", ".png", ".tga", ".tif", ".tiff", ".webp"}
)
"""Suffixes of image formats that both Blender and ffmpeg read."""

LINEAR_LIGHT_SUFFIXES = frozenset({".exr", ".hdr"})
"""Suffixes of formats with scene-linear light."""

_SIGNATURES = {
    b"\x89PNG": ".png",
    b"\xff\xd8\xff": ".jpg",
    b"II*\0": ".tif",
    b"MM\0*": ".tif",
    b"\x76\x2f\x31\x01": ".exr",
    b"BM": ".bmp",
    b"SDPX": ".dpx",
    b"XPDS": ".dpx",
    b"\x80\x2a\x5f\xd7": ".cin",
    b"#?": ".hdr",
    b"\0\0\0\x0cjP": ".jp2",
    b"\xff\x4f\xff\x51": ".jp2",
    b"RIFF": ".webp",
}
"""First bytes of a file, and the suffix of the format that it has. TGA has none."""

MAX_EXR_HEADER_BYTES = 1 << 20
"""Bytes of an OpenEXR file in which its header is looked for. Real ones have some kilobytes."""

MAX_GAP = 1000
"""Missing images between two numbers up to which they are taken for gaps in one sequence."""

CONCAT_SIGNATURE = "ffconcat version 1.0"
"""First line of a script of ffmpeg's concat demuxer, by which ffmpeg recognizes one whatever its name."""

_PATTERN = re.compile(r"%0?(\d*)d|#+")
_NUMBER = re.compile(r"(\d+)(?=\D*$)")


def is_sequence_pattern(path: Path) -> bool:
    """Return True if a path is a pattern of file names, as `shot.%04d.png` or `shot.####.exr`, and no file of that very name."""
    return bool(_PATTERN.search(path.name)) and path.suffix.lower() in IMAGE_SUFFIXES and not path.exists()


def image_format(path: Path) -> str:
    """Return the suffix of an image's format, from its content: a JPEG may be called `.png`. Empty if the file cannot be read.

    A content that is not recognized has the format of its name.
    """
    try:
        with path.open("rb") as file:
            begin = file.read(8)
    except OSError:
        return ""
    suffix = path.suffix.lower()
    named = {".jpeg": ".jpg", ".tiff": ".tif"}.get(suffix, suffix)
    return next((found for signature, found in _SIGNATURES.items() if begin.startswith(signature)), named)


def find_sequence(path: Path) -> tuple[Path, tuple[str, ...]]:
    """Return the folder and the file names, in order, of the images in a folder, or of those that match a pattern.

    An image that is missing between the first and the last has its name among them: `check_images` raises if it is needed.

    Raises:
        InvalidInput: there are none, or of more than one sequence; or two have the same number.
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
    if len({number for number, _ in frames}) < len(frames):
        raise InvalidInput(
            "sequence.duplicate_number",
            "Two images have the same number: {path}. Use a pattern that matches one of them.",
            path=path,
        )
    return folder, tuple(_name_missing(path, frames))


def _name_missing(path: Path, frames: Sequence[tuple[int, str]]) -> Iterator[str]:
    """Yield the names of numbered images, and between them those that the missing ones would have."""
    for (number, name), (following, _) in pairwise(frames):
        yield name
        if following - number > MAX_GAP:
            raise _missing_error(path, number + 1, following - 1)
        mark = max(re.finditer(r"\d+", name), key=lambda found: (int(found[0]) == number, found.start()), default=None)
        if mark is not None:
            for missing in range(number + 1, following):
                yield f"{name[: mark.start()]}{missing:0{len(mark[0])}}{name[mark.end() :]}"
    yield frames[-1][1]


def check_images(folder: Path, names: Sequence[str]) -> None:
    """Check that images exist.

    Raises:
        InvalidInput: one is missing. The error has the numbers of the first and the last that are.
    """
    missing = [name for name in names if not (folder / name).exists()]
    if missing:
        first, last = (
            int(found[1]) if (found := _NUMBER.search(Path(name).stem)) else 0 for name in (missing[0], missing[-1])
        )
        raise _missing_error(folder / missing[0], first, last)


def held_images_notes(names: Sequence[str]) -> tuple[str, ...]:
    """Return a note about images that cannot be decoded, by their names; none if there are none."""
    if not names:
        return ()
    others = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return (f"{names[0]}{others} is missing or cannot be decoded: the image before is shown. Render it again.",)


def _missing_error(path: Path, first: int, last: int) -> InvalidInput:
    return InvalidInput(
        "sequence.missing_frame",
        "Frame {missing} is missing: {path}. Render it, or use a range without it.",
        missing=str(first) if first == last else f"{first} to {last}",
        path=path,
    )


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


def _preview_names(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (" …" if len(names) > 3 else "")


def sequence_stem(path: Path) -> str:
    """Return the name of a sequence for names of files: that of the folder, or the pattern without its number."""
    mark = _PATTERN.search(path.name)
    if path.is_dir() or mark is None:
        return path.name
    return path.name[: mark.start()].rstrip(" ._-") or path.absolute().parent.name


def sequence_stream(list_path: Path, first: Path, image_kind: str) -> Any:
    """Return an ffmpeg-python stream of images listed in a concat script. Scene-linear light is shown as on an sRGB screen.

    Args:
        list_path: the script; its images are of one format.
        first: the first image.
        image_kind: its format, as `image_format` returns it.
    """
    layer = {"layer": name} if image_kind == ".exr" and (name := color_layer(first)) else {}
    stream = ffmpeg.input_stream(
        list_path, formats=["concat", "image2", *IMAGE_FORMATS], format="concat", safe=0, **layer
    )["V:0"]
    if image_kind in LINEAR_LIGHT_SUFFIXES:
        light = "val/maxval"
        # The transfer function of sRGB (IEC 61966-2-1).
        curve = f"maxval*if(lt({light},0.0031308),12.92*{light},1.055*pow({light},1/2.4)-0.055)"
        # Without alpha: these formats hold colours over black already ("associated alpha", OpenEXR's technical introduction).
        # Full floats come first: ffmpeg 9 converts half floats with associated alpha to no other format ("Impossible to convert").
        stream = (
            stream.filter("format", "gbrapf32").filter("format", "gbrp16").filter("lutrgb", r=curve, g=curve, b=curve)
        )
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


def color_layer(path: Path) -> str:
    """Return the name of the layer of an OpenEXR image that is shown: empty for the image's own R, G and B, or its luminance Y.

    Raises:
        MediaError: no layer has a colour: the image is deep, or its channels have other names.
    """
    channels = exr_channels(path)
    if not channels or {"R", "G", "B"} <= channels or "Y" in channels:
        return ""
    layers = sorted(
        name[:-2] for name in channels if name.endswith(".R") and {f"{name[:-1]}G", f"{name[:-1]}B"} <= channels
    )
    if not layers:
        raise MediaError(
            "sequence.no_color_layer",
            "No layer with a colour in {path}: it has {channels}. Export the images as plain RGB.",
            path=path,
            channels=", ".join(sorted(channels)[:6]),
        )
    # Blender's renders call the picture "Combined"; other programs have "rgba" or the view layer alone.
    return next((name for name in layers if name.endswith("Combined")), layers[0])


def exr_channels(path: Path) -> frozenset[str]:
    """Return the names of an OpenEXR image's channels, from its first part; none if its header cannot be read.

    The header's layout is that of "OpenEXR File Layout": attributes of name, type, size in bytes and value.
    """
    with contextlib.suppress(OSError, ValueError, struct.error):
        with path.open("rb") as file:
            header = file.read(MAX_EXR_HEADER_BYTES)
        at = 8
        while header[at : at + 1] not in (b"", b"\0"):
            name_end = header.index(b"\0", at)
            kind_end = header.index(b"\0", name_end + 1)
            (size,) = struct.unpack_from("<I", header, kind_end + 1)
            value = header[kind_end + 5 : kind_end + 5 + size]
            if header[name_end + 1 : kind_end] == b"chlist":
                names, start = set(), 0
                while value[start : start + 1] not in (b"", b"\0"):
                    end = value.index(b"\0", start)
                    names.add(value[start:end].decode("utf-8", "replace"))
                    start = end + 17  # after the name: type, linearity, and two samplings
                return frozenset(names)
            at = kind_end + 5 + size
    return frozenset()
