"""The clip of `tracklay demo`: a bouncing ball and a striking mallet, drawn frame by frame and encoded with moviepy."""

from __future__ import annotations

import math
import os
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from .atomic_io import atomic_write
from .media import ffmpeg_program

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    Canvas = npt.NDArray[np.float64]

WIDTH, HEIGHT = 640, 360
FPS = 24
DURATION_SECONDS = 8
FLOOR_Y = 300.0
"""Height of the floor, in pixels from the top."""

GRAVITY = 900.0
"""Pixels per second squared."""

BALL_COLOUR, MALLET_COLOUR, BLOCK_COLOUR = (232, 93, 60), (74, 58, 48), (201, 162, 103)
STRIKE_TIMES = (3.5, 4.5, 5.25, 6.0)
"""Times at which the mallet hits the block, in seconds."""

SWING_SECONDS = 0.25
"""Duration of the downward swing."""

BOUNCE = 0.72
"""Speed that the ball keeps at each bounce."""

MIN_FLIGHT_SECONDS = 0.12
"""A shorter bounce is not visible: the ball rolls from there on."""

DEMO_CUES: tuple[dict[str, Any], ...] = (
    {"model": "sketch/foley", "prompt": "rubber ball and a wooden mallet on wood, quiet room", "seed": 1},
    {
        "model": "sketch/music",
        "prompt": "playful jazz, piano and bass, no drums",
        "seed": 4,
        "params": {"level": -14.0},
    },
)
"""Fields of the cues that are laid under the clip."""


def make_clip(path: Path, fps: int = FPS) -> Path:
    """Write the clip: `DURATION_SECONDS` of silent video, 640 by 360 pixels, at `fps` frames per second.

    Raises:
        OutputError: it cannot be written.
    """
    # moviepy resolves its ffmpeg once, when it is imported: the variable must be set before.
    os.environ.setdefault("FFMPEG_BINARY", ffmpeg_program.find_ffmpeg())
    from moviepy import VideoClip  # noqa: PLC0415 - slow to import

    clip = VideoClip(_draw_frame, duration=DURATION_SECONDS)
    with atomic_write(path) as temp_path:
        clip.write_videofile(
            str(temp_path),
            fps=fps,
            codec="libx264",
            audio=False,
            logger=None,
            ffmpeg_params=["-pix_fmt", "yuv420p", "-crf", "18"],
        )
    return path


@cache
def _background_image() -> tuple[Canvas, Canvas, Canvas]:
    """Return each pixel's x and y, and the static background."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float64)
    canvas = np.stack([235 - y * 0.14, 228 - y * 0.12, 214 - y * 0.08], axis=-1)
    _fill_shape(
        canvas, _box_distance(x, y, WIDTH / 2, (FLOOR_Y + HEIGHT) / 2, WIDTH, (HEIGHT - FLOOR_Y) / 2), (120, 104, 92)
    )
    _fill_shape(canvas, _box_distance(x, y, 470, FLOOR_Y - 18, 46, 18), BLOCK_COLOUR)
    return x, y, canvas


def _draw_frame(time: float) -> npt.NDArray[np.uint8]:
    x, y, background = _background_image()
    canvas = background.copy()
    height, across = _ball_position(time)
    radius = 24.0
    # The shadow is darker and smaller the closer the ball is to the floor.
    shade = max(0.0, 1 - height / 260)
    _fill_shape(
        canvas,
        np.hypot((x - across) / 1.0, (y - FLOOR_Y - 8) * 5) - radius * (0.7 + 0.3 * shade),
        (92, 80, 70),
        0.5 * shade,
    )
    _fill_shape(canvas, np.hypot(x - across, y - (FLOOR_Y - radius - height)) - radius, BALL_COLOUR)
    _draw_mallet(canvas, x, y, _mallet_angle(time))
    return canvas.clip(0, 255).astype(np.uint8)


def _ball_position(time: float) -> tuple[float, float]:
    """Return the ball's height above the floor and its x, in pixels. It falls, bounces lower each time, and rolls away."""
    height, speed, started = 220.0, 0.0, 0.0
    while True:
        # The positive root of height + speed * t - GRAVITY * t**2 / 2 = 0: when this bounce ends.
        flight = (speed + math.sqrt(speed * speed + 2 * GRAVITY * height)) / GRAVITY
        if time < started + flight or flight < MIN_FLIGHT_SECONDS:
            break
        started, height, speed = started + flight, 0.0, BOUNCE * abs(speed - GRAVITY * flight)
    since = time - started
    return (max(0.0, height + speed * since - GRAVITY * since * since / 2), 90 + 52 * min(time, 5.2))


def _mallet_angle(time: float) -> float:
    """Return the mallet's angle above the block, in radians: it is swung down, rests after the strike, and is raised slowly."""
    raised = 0.9
    for strike in STRIKE_TIMES:
        if strike - SWING_SECONDS <= time < strike:
            return raised * (1 - ((time - strike + SWING_SECONDS) / SWING_SECONDS) ** 2)
        if strike <= time < strike + 0.4:
            return (
                raised * 0.5 * (1 - math.cos(math.pi * max(0.0, time - strike - 0.1) / 0.3))
                if time > strike + 0.1
                else 0.0
            )
    return raised


def _draw_mallet(canvas: Canvas, x: Canvas, y: Canvas, angle: float) -> None:
    pivot_x, pivot_y, reach = 610.0, FLOOR_Y - 60, 140.0
    along, across = -math.cos(angle), -math.sin(angle)
    u = (x - pivot_x) * along + (y - pivot_y) * across
    v = -(x - pivot_x) * across + (y - pivot_y) * along
    _fill_shape(canvas, _box_distance(u, v, reach / 2, 0, reach / 2, 5), MALLET_COLOUR)
    _fill_shape(canvas, _box_distance(u, v, reach, 0, 20, 24), MALLET_COLOUR)


def _box_distance(x: Canvas, y: Canvas, cx: float, cy: float, half_width: float, half_height: float) -> Canvas:
    """Return each pixel's distance from a box, in pixels, negative inside."""
    distance: Canvas = np.maximum(np.abs(x - cx) - half_width, np.abs(y - cy) - half_height)
    return distance


def _fill_shape(canvas: Canvas, distance: Canvas, colour: tuple[int, int, int], opacity: float = 1.0) -> None:
    """Fill the inside of a shape (negative distance), with an edge that is one pixel soft."""
    # Only the shape's bounding box is blended: that is what makes drawing fast enough.
    inside = distance < 0.5
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    if rows.size:
        at = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        cover = np.clip(0.5 - distance[at], 0, 1)[..., None] * opacity
        canvas[at] += cover * (np.array(colour, np.float64) - canvas[at])
