"""The square crop: by name, by number, or where the motion is."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest
from tracklay.cue import Picture
from tracklay.errors import InvalidInput
from tracklay.media.extract import extract_proxy
from tracklay.media.square_crop import crop_position, find_motion_crop
from tracklay.timing import Rate, Span, TimeMap

from tests.clips import encode

RATE = Fraction(25)
SPAN = Span(0, 20, Rate(RATE))


def thirds(path, size=(384, 128)):
    """Write a clip of three squares side by side: dark, grey, light; the light one flickers in a corner."""
    wide, side = max(size), min(size)
    frames = np.zeros((20, side, wide), np.uint8)
    for number, frame in enumerate(frames):
        frame[:, : wide // 3], frame[:, wide // 3 : 2 * wide // 3], frame[:, 2 * wide // 3 :] = 40, 120, 200
        frame[10:60, 2 * wide // 3 + 20 : wide - 20] = 200 if number % 4 < 2 else 60
    turned = frames if size[0] > size[1] else frames.transpose(0, 2, 1)
    return encode(path, turned, size, RATE)


def last_frame(source, to, square: str):
    """Return the last frame of the proxy."""
    proxy = extract_proxy(Picture(source, TimeMap.linear(SPAN, Fraction(0))), SPAN, to, square=square)
    with av.open(str(proxy.path)) as container:
        frames = [frame.to_ndarray(format="gray") for frame in container.decode(container.streams.video[0])]
    assert proxy.times == tuple(Fraction(n, 25) for n in range(20))
    return frames[-1]


@pytest.mark.parametrize("size", [(384, 128), (128, 384)])
@pytest.mark.parametrize(
    ("square", "luma"), [("left", 40), ("centre", 120), ("right", 200), ("0", 40), ("1/2", 120), ("motion", 200)]
)
def test_the_square_is_the_requested_one(tmp_path, size, square, luma):
    """By name, by number, or where the motion is; in an upright picture left is the top."""
    frame = last_frame(thirds(tmp_path / "source.mp4", size), tmp_path / "proxy.mp4", square)
    assert frame.shape == (128, 128)
    assert abs(float(np.median(frame[70:, 70:])) - luma) < 12


def test_without_a_square_the_picture_is_not_cropped(tmp_path):
    """The default is the whole picture."""
    assert last_frame(thirds(tmp_path / "source.mp4"), tmp_path / "proxy.mp4", "").shape == (128, 384)


@pytest.mark.parametrize("square", ["middle", "1.5", "-1", "1/0"])
def test_another_word_is_refused(square):
    """The error lists the names and the range."""
    with pytest.raises(InvalidInput, match="centre, left, right, motion, or a number"):
        crop_position(square)


def test_stillness_grain_and_flashes_give_the_centre():
    """There is no motion, or all of the picture moves."""
    generator = np.random.default_rng(1)
    still = [np.full((48, 96), 100, np.uint8)] * 5
    grain = [generator.integers(98, 102, (48, 96)).astype(np.uint8) for _ in range(5)]
    flash = [np.full((48, 96), level, np.uint8) for level in (0, 255, 0, 255)]
    assert [find_motion_crop(frames) for frames in (still, grain, flash, [])] == [Fraction(1, 2)] * 4


def test_a_small_motion_is_in_the_middle_of_its_square():
    """The square is centred on the motion, within the picture."""
    frames = np.full((10, 48, 144), 80, np.uint8)
    frames[::2, 20:30, 60:70] = 200
    assert find_motion_crop(frames) == pytest.approx(Fraction(65 - 24, 96), abs=0.03)
    frames = np.full((10, 48, 144), 80, np.uint8)
    frames[::2, 20:30, 2:8] = 200
    assert find_motion_crop(frames) == 0
