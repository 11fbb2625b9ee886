"""What a cue's picture looks like along its length: a strip of frames, how much moves, where it cuts.

The same for every model, and cheap: one pass over a proxy of thumbnails. It tells an eye where something happens; what happens there
is for the person who looks (the sketch engine's eye sees more, at many times the cost, and its events are drawn where a take has them).
"""

from __future__ import annotations

import io
from bisect import bisect_right
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from ..media import ffmpeg

if TYPE_CHECKING:
    import numpy.typing as npt

    from ..cancellation import CancelToken
    from ..media.extract import Proxy

THUMBNAIL_WIDTH, THUMBNAIL_HEIGHT = 96, 54
"""Pixels of one frame in the strip; the picture is fitted in, whatever its shape."""

FILMSTRIP_FRAMES = 8
"""How many frames a strip has, each from the middle of its part."""

JPEG_QUALITY = 60
"""JPEG's. A strip has about 10 kB."""

MOTION_BUCKETS = 160
"""How many values the motion is drawn with."""

FULL_SCALE_MOTION = 2.0
"""Steps of 255, the mean over the picture from one frame to the next: what is drawn at full height, unless something moves more."""

CUT_THRESHOLD = 24.0
"""Steps of 255. A frame that differs by less from the one before it is of the same shot, whatever moves."""

CUT_TO_MOTION_RATIO = 4.0
"""How many times as much a cut differs as the frames around it do."""


@dataclass(frozen=True, slots=True)
class FilmStats:
    """A picture, looked at. `motion` has `MOTION_BUCKETS` bytes; `cuts` are parts of the length, from 0 to 1; `filmstrip` is a JPEG."""

    filmstrip: bytes
    motion: bytes
    cuts: tuple[float, ...]


def analyze_proxy(proxy: Proxy, *, cancel_token: CancelToken | None = None) -> FilmStats:
    """Look at a proxy.

    Raises:
        MediaError: it cannot be decoded.
        Cancelled: it was stopped.
    """
    stream = ffmpeg.input_stream(proxy.path)["V:0"].filter(
        "scale", THUMBNAIL_WIDTH, THUMBNAIL_HEIGHT, force_original_aspect_ratio="decrease"
    )
    stream = stream.filter("pad", THUMBNAIL_WIDTH, THUMBNAIL_HEIGHT, "(ow-iw)/2", "(oh-ih)/2")
    stream = stream.output("pipe:", format="rawvideo", pix_fmt="rgb24", fps_mode="passthrough")
    middles = (proxy.seconds * Fraction(2 * part + 1, 2 * FILMSTRIP_FRAMES) for part in range(FILMSTRIP_FRAMES))
    wanted = [max(0, bisect_right(proxy.times, middle) - 1) for middle in middles]
    strip: dict[int, npt.NDArray[np.uint8]] = {}
    steps: list[float] = []
    over: list[float] = []  # what differs from the frame before the last: a flash differs twice, a cut once
    last: list[npt.NDArray[np.int16]] = []
    size = THUMBNAIL_WIDTH * THUMBNAIL_HEIGHT * 3
    for number, data in enumerate(
        ffmpeg.read_stdout(stream, f"could not look at {proxy.path.name}", size, cancel_token=cancel_token)
    ):
        if len(data) < size:
            break
        frame = np.frombuffer(data, np.uint8).reshape(THUMBNAIL_HEIGHT, THUMBNAIL_WIDTH, 3)
        if number in wanted:
            strip[number] = frame
        green = frame[..., 1].astype(np.int16)
        steps.append(float(np.abs(green - last[-1]).mean()) if last else 0.0)
        over.append(float(np.abs(green - last[0]).mean()) if len(last) == 2 else 0.0)
        last = [*last[-1:], green]
    cuts = _find_cuts(steps, over)
    for number in cuts:
        steps[number] = steps[number - 1]  # a cut is no motion, and would make all that is one look small
    return FilmStats(
        _encode_jpeg([strip[number] for number in wanted if number in strip]) if strip else b"",
        _motion_curve(steps, proxy),
        tuple(float(proxy.times[number] / proxy.seconds) for number in cuts),
    )


def _encode_jpeg(frames: list[npt.NDArray[np.uint8]]) -> bytes:
    from PIL import Image  # noqa: PLC0415 - slow to import, and only wanted here

    held = io.BytesIO()
    Image.fromarray(np.hstack(frames)).save(held, "JPEG", quality=JPEG_QUALITY, optimize=True)
    return held.getvalue()


def _motion_curve(frame_differences: list[float], proxy: Proxy) -> bytes:
    """The root of how much changes on coming to each part of the length, against the most of it."""
    drawn = np.zeros(MOTION_BUCKETS)
    for step, time in zip(frame_differences, proxy.times, strict=False):
        bucket = min(MOTION_BUCKETS - 1, int(time * MOTION_BUCKETS / proxy.seconds))
        drawn[bucket] = max(drawn[bucket], step)
    # Between frames that are further apart than buckets, the motion is the last frame's.
    times = [
        min(MOTION_BUCKETS - 1, int(time * MOTION_BUCKETS / proxy.seconds))
        for time in proxy.times[: len(frame_differences)]
    ]
    held = np.zeros(MOTION_BUCKETS, bool)
    held[times] = True
    for bucket in range(1, MOTION_BUCKETS):
        if not held[bucket]:
            drawn[bucket] = drawn[bucket - 1]
    scale = max(FULL_SCALE_MOTION, float(drawn.max()))
    return bytes(np.rint(np.sqrt(drawn / scale) * 255).astype(np.uint8))


def _find_cuts(frame_differences: list[float], two_frame_differences: list[float]) -> list[int]:
    """The frames that begin a shot: far from the two before, and so is the next one from the one before. A flash goes back."""
    found = []
    for number in range(1, len(frame_differences)):
        around = frame_differences[max(1, number - 3) : number] + frame_differences[number + 1 : number + 4]
        usual = float(np.median(around)) if around else 0.0
        stays = (
            two_frame_differences[number + 1] if number + 1 < len(two_frame_differences) else frame_differences[number]
        )
        comes_back = number >= 2 and two_frame_differences[number] <= CUT_THRESHOLD
        if (
            frame_differences[number] > max(CUT_THRESHOLD, CUT_TO_MOTION_RATIO * usual)
            and stays > CUT_THRESHOLD
            and not comes_back
        ):
            found.append(number)
    return found
