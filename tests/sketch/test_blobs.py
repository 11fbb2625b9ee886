"""Connected components against scipy's: foreground blobs, and patches of moving cells."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from tracklay.sketch.vision.blobs import MAX_BLOBS, MAX_RUNS, MIN_AREA_PIXELS, MIN_PROBABILITY, find_blobs

FULL_NEIGHBOURHOOD = np.ones((3, 3), bool)

seeds = st.integers(0, 2**32 - 1)


@given(seeds, st.floats(0.5, 4), st.floats(0.5, 0.98))
@settings(max_examples=80, deadline=None)
def test_blobs_are_the_components_of_the_dilated_core(seed: int, scale: float, background_share: float) -> None:
    """Each blob has the pixels, area and centroid of one component that scipy labels; the largest come first."""
    rng = np.random.default_rng(seed)
    height, width = 60, 80
    smooth = ndimage.gaussian_filter(rng.normal(size=(height, width)), scale)
    low, high = np.quantile(smooth, [background_share, 1])
    probability = np.clip((smooth - low) / (high - low), 0, 1).astype(np.float32)
    luma = rng.integers(0, 256, (height, width)).astype(np.uint8)

    mask = ndimage.binary_dilation(probability > MIN_PROBABILITY, FULL_NEIGHBOURHOOD)
    runs = np.count_nonzero(np.diff(np.pad(mask, ((0, 0), (1, 1))).astype(int)) == 1)
    blobs = find_blobs(probability, luma)
    labels, count = ndimage.label(mask)
    components = range(1, count + 1)
    areas = {k: float(probability[labels == k].sum()) for k in components}
    expected = sorted((k for k in components if areas[k] >= MIN_AREA_PIXELS), key=lambda k: -areas[k])
    if runs > MAX_RUNS or len(expected) > MAX_BLOBS:
        assert blobs is None
        return
    assert blobs is not None
    assert len(blobs) == len(expected)
    for blob, k in zip(blobs, expected, strict=True):
        y, x = np.nonzero((labels == k) & (probability > 0))
        centre = complex((width - 1) / 2, (height - 1) / 2)
        assert set(blob.positions + centre) == set(x + 1j * y)
        assert blob.area == pytest.approx(areas[k], rel=1e-5)
        weight = probability[y, x].astype(float)
        assert blob.centre + centre == pytest.approx(complex((x + 1j * y) @ weight / weight.sum()))
        assert blob.grey == pytest.approx(luma[y, x] @ weight / weight.sum())
        assert blob.box == pytest.approx(
            (x.min() - centre.real, y.min() - centre.imag, x.max() - centre.real, y.max() - centre.imag)
        )


def test_no_foreground_has_no_blobs_and_noise_has_too_many() -> None:
    """Without foreground the list is empty; a picture full of single pixels is rejected."""
    luma = np.zeros((90, 160), np.uint8)
    assert find_blobs(np.zeros((90, 160), np.float32), luma) == []
    dots = np.zeros((90, 160), np.float32)
    dots[::4, ::4] = 1
    assert find_blobs(dots, luma) is None
