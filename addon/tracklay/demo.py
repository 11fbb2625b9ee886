"""The demo's clip: a ball that bounces and a mallet that strikes, drawn frame by frame and encoded with moviepy."""

from __future__ import annotations

import math
import os
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from .atomic_io import atomic_write
from .media import ffmpeg

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    Canvas = npt.NDArray[np.float64]

WIDTH, HEIGHT = 640, 360
FPS = 24
DURATION_SECONDS = 8
FLOOR_Y = 300.0
"""Pixels from the top: where things land."""

GRAVITY = 900.0
"""Pixels a second squared."""

BALL_COLOUR, MALLET_COLOUR, BLOCK_COLOUR = (232, 93, 60), (74, 58, 48), (201, 162, 103)
STRIKE_TIMES = (3.5, 4.5, 5.25, 6.0)
"""Seconds at which the mallet lands."""

SWING_SECONDS = 0.25

DEMO_CUES: tuple[dict[str, Any], ...] = (
    {"model": "sketch/foley", "prompt": "rubber ball and a wooden mallet on wood, quiet room", "seed": 1},
    {
        "model": "sketch/music",
        "prompt": "playful jazz, piano and bass, no drums",
        "seed": 4,
        "params": {"level": -14.0},
    },
)
"""What is laid under it."""


def make_clip(path: Path, fps: int = FPS) -> Path:
    """Write the clip: eight silent seconds, 640 by 360, `fps` frames a second.

    Raises:
        OutputError: it cannot be written.
    """
    # moviepy looks for its ffmpeg once, when it is imported.
    os.environ.setdefault("FFMPEG_BINARY", ffmpeg.find_ffmpeg())
    from moviepy import VideoClip  # noqa: PLC0415 - and slow to import

    clip = VideoClip(_draw_frame, duration=DURATION_SECONDS)
    with atomic_write(path) as beside:
        clip.write_videofile(
            str(beside),
            fps=fps,
            codec="libx264",
            audio=False,
            logger=None,
            ffmpeg_params=["-pix_fmt", "yuv420p", "-crf", "18"],
        )
    return path


@cache
def _background_image() -> tuple[Canvas, Canvas, Canvas]:
    """Each pixel's place across and down, and what stands still."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float64)
    canvas = np.stack([235 - y * 0.14, 228 - y * 0.12, 214 - y * 0.08], axis=-1)
    _fill_shape(
        canvas, _box_distance(x, y, WIDTH / 2, (FLOOR_Y + HEIGHT) / 2, WIDTH, (HEIGHT - FLOOR_Y) / 2), (120, 104, 92)
    )
    _fill_shape(canvas, _box_distance(x, y, 470, FLOOR_Y - 18, 46, 18), BLOCK_COLOUR)
    return x, y, canvas


def _draw_frame(time: float) -> npt.NDArray[np.uint8]:
    x, y, room = _background_image()
    canvas = room.copy()
    height, across = _ball_position(time)
    radius = 24.0
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
    """Height above the floor and distance across, in pixels: it falls, bounces lower each time, and rolls out."""
    height, speed, begun = 220.0, 0.0, 0.0
    while True:
        flight = (speed + math.sqrt(speed * speed + 2 * GRAVITY * height)) / GRAVITY
        if time < begun + flight or flight < 0.12:
            break
        begun, height, speed = begun + flight, 0.0, 0.72 * abs(speed - GRAVITY * flight)
    since = time - begun
    return (max(0.0, height + speed * since - GRAVITY * since * since / 2), 90 + 52 * min(time, 5.2))


def _mallet_angle(time: float) -> float:
    """The mallet's angle above the block, in radians: raised slowly, thrown down, at rest after the strike."""
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
    """How far outside a box each pixel lies, in pixels."""
    far: Canvas = np.maximum(np.abs(x - cx) - half_width, np.abs(y - cy) - half_height)
    return far


def _fill_shape(canvas: Canvas, distance: Canvas, colour: tuple[int, int, int], opacity: float = 1.0) -> None:
    """Colour what lies inside a shape, its edge a pixel soft."""
    inside = distance < 0.5
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    if rows.size:
        at = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        cover = np.clip(0.5 - distance[at], 0, 1)[..., None] * opacity
        canvas[at] += cover * (np.array(colour, np.float64) - canvas[at])
