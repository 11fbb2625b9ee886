"""The course of a cue's picture for the page: a strip of frames, a curve of motion, and the cuts.

One pass decodes the small proxy that the page shows, for all three. `media.shot_detection` is not used: it decodes the source frame by
frame in YUV, and its threshold (ffmpeg's `scdet`) is for splitting shots. Here a cut must also stand out from the motion around it, and a
flash is not a cut, as the result is only drawn.
"""

from __future__ import annotations

import io
from bisect import bisect_right
from dataclasses import dataclass
from fractions import Fraction
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from ..media import ffmpeg

if TYPE_CHECKING:
    import numpy.typing as npt

    from ..cancellation import CancelToken
    from ..media.extract import Proxy

THUMBNAIL_WIDTH, THUMBNAIL_HEIGHT = 96, 54
"""Pixels of one frame in the strip. A picture of another shape gets black bars."""

FILMSTRIP_FRAMES = 8
"""Frames of a strip, each from the middle of its part of the length."""

JPEG_QUALITY = 60
"""Quality of the JPEG, of 100. A strip has about 10 kB."""

MOTION_BUCKETS = 160
"""Values of the motion curve."""

FULL_SCALE_MOTION = 2.0
"""Mean difference between two frames, in steps of 255, that fills the height of the curve, unless more motion occurs."""

CUT_THRESHOLD = 24.0
"""Mean difference between two frames, in steps of 255. Below it, a change is motion and not a cut."""

CUT_TO_MOTION_RATIO = 4.0
"""A cut's difference must be this many times the median of the six frames around it."""


@dataclass(frozen=True, slots=True)
class FilmStats:
    """The analysis of a picture.

    Attributes:
        filmstrip: a JPEG of `FILMSTRIP_FRAMES` frames side by side.
        motion: `MOTION_BUCKETS` bytes.
        cuts: positions as fractions of the length, from 0 to 1.
    """

    filmstrip: bytes
    motion: bytes
    cuts: tuple[float, ...]


def analyze_proxy(proxy: Proxy, *, cancel_token: CancelToken | None = None) -> FilmStats:
    """Analyze a proxy.

    Raises:
        MediaError: it cannot be decoded.
        Cancelled: the user cancelled.
    """
    stream = ffmpeg.input_stream(proxy.path, threads=1)["V:0"].filter(
        "scale", THUMBNAIL_WIDTH, THUMBNAIL_HEIGHT, force_original_aspect_ratio="decrease"
    )
    stream = stream.filter("pad", THUMBNAIL_WIDTH, THUMBNAIL_HEIGHT, "(ow-iw)/2", "(oh-ih)/2")
    stream = stream.output("pipe:", format="rawvideo", pix_fmt="rgb24", fps_mode="passthrough")
    middles = (proxy.seconds * Fraction(2 * part + 1, 2 * FILMSTRIP_FRAMES) for part in range(FILMSTRIP_FRAMES))
    wanted = [max(0, bisect_right(proxy.times, middle) - 1) for middle in middles]
    strip: dict[int, npt.NDArray[np.uint8]] = {}
    steps: list[float] = []
    over: list[float] = []  # difference from the frame before the last, by which a flash differs from a cut
    last: list[npt.NDArray[np.int16]] = []
    size = THUMBNAIL_WIDTH * THUMBNAIL_HEIGHT * 3
    for number, data in enumerate(
        ffmpeg.read_stdout(stream, f"could not analyze {proxy.path.name}", size, cancel_token=cancel_token)
    ):
        if len(data) < size:
            break
        frame = np.frombuffer(data, np.uint8).reshape(THUMBNAIL_HEIGHT, THUMBNAIL_WIDTH, 3)
        if number in wanted:
            strip[number] = frame
        # Green is most of the luma, and needs no conversion.
        green = frame[..., 1].astype(np.int16)
        steps.append(float(np.abs(green - last[-1]).mean()) if last else 0.0)
        over.append(float(np.abs(green - last[0]).mean()) if len(last) == 2 else 0.0)
        last = [*last[-1:], green]
    cuts = _find_cuts(steps, over)
    for number in cuts:
        steps[number] = steps[number - 1]  # a cut is not motion, and would flatten the curve
    return FilmStats(
        _encode_jpeg([strip[number] for number in wanted if number in strip]) if strip else b"",
        _motion_curve(steps, proxy),
        tuple(float(proxy.times[number] / proxy.seconds) for number in cuts),
    )


def _encode_jpeg(frames: list[npt.NDArray[np.uint8]]) -> bytes:
    from PIL import Image  # noqa: PLC0415 - slow to import, and needed only here

    buffer = io.BytesIO()
    Image.fromarray(np.hstack(frames)).save(buffer, "JPEG", quality=JPEG_QUALITY, optimize=True)
    return buffer.getvalue()


def _motion_curve(frame_differences: list[float], proxy: Proxy) -> bytes:
    """Return the motion in each part of the length, as the square root of the difference relative to the largest."""
    drawn = np.zeros(MOTION_BUCKETS)
    for step, time in zip(frame_differences, proxy.times, strict=False):
        bucket = min(MOTION_BUCKETS - 1, int(time * MOTION_BUCKETS / proxy.seconds))
        drawn[bucket] = max(drawn[bucket], step)
    # A slow picture has fewer frames than the curve has values: the gaps get the motion of the frame before.
    times = [
        min(MOTION_BUCKETS - 1, int(time * MOTION_BUCKETS / proxy.seconds))
        for time in proxy.times[: len(frame_differences)]
    ]
    filled = np.zeros(MOTION_BUCKETS, bool)
    filled[times] = True
    for bucket in range(1, MOTION_BUCKETS):
        if not filled[bucket]:
            drawn[bucket] = drawn[bucket - 1]
    scale = max(FULL_SCALE_MOTION, float(drawn.max()))
    return bytes(np.rint(np.sqrt(drawn / scale) * 255).astype(np.uint8))


def _find_cuts(frame_differences: list[float], two_frame_differences: list[float]) -> list[int]:
    """Return the first frames of shots.

    Such a frame differs from both frames before it, and the frame after it still differs from the one before: a flash would return.
    """
    found = []
    for number in range(1, len(frame_differences)):
        if frame_differences[number] <= CUT_THRESHOLD:
            continue
        around = frame_differences[max(1, number - 3) : number] + frame_differences[number + 1 : number + 4]
        usual = median(around) if around else 0.0
        stays = (
            two_frame_differences[number + 1] if number + 1 < len(two_frame_differences) else frame_differences[number]
        )
        comes_back = number >= 2 and two_frame_differences[number] <= CUT_THRESHOLD
        if frame_differences[number] > CUT_TO_MOTION_RATIO * usual and stays > CUT_THRESHOLD and not comes_back:
            found.append(number)
    return found
