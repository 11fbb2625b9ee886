"""Finds speech and music in the sound of things.

Windows of features are weighed by two small forests of decision trees (`bleed_trees.json`), which `scripts/train_bleed.py` grows from
recordings. The thresholds are chosen for precision: a sound of a thing that is taken for a voice would be rejected without reason.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np

from .features import NAMES, window_features
from .spectra import HOP_SECONDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from .features import WindowFeatures
    from .spectra import TakeSpectra

TREES = "bleed_trees.json"

DEPTH = 3
"""Decisions from a tree's root to its leaves. A tree is stored as its 7 decisions and 8 leaves, level by level."""

THRESHOLDS = {"speech": 0.8, "music": 0.9}
"""Mean probability of the two most suspect windows from which there is speech or music at all."""

SPAN_THRESHOLD = 0.5
"""Probability of the windows that belong to it."""

AUDIBLE_POWER = 1e-4
"""Mean power of the analysed bands below which a window is silence, where features mean nothing."""


@dataclass(frozen=True, slots=True)
class BleedSpan:
    """A stretch with speech or music: its start and end in seconds, and the highest probability in it."""

    start: float
    end: float
    confidence: float


@dataclass(frozen=True, slots=True)
class Bleed:
    """The speech and the music in a take."""

    speech: tuple[BleedSpan, ...]
    music: tuple[BleedSpan, ...]


@dataclass(frozen=True, slots=True)
class Forest:
    """Trees of equal depth whose leaves are summed to log odds.

    Attributes:
        bias: log odds before any tree.
        features: [trees, 7] index of the feature that each decision looks at.
        limits: [trees, 7] the decision goes left up to this value.
        leaves: [trees, 8] log odds that are added.
    """

    bias: float
    features: npt.NDArray[np.intp]
    limits: npt.NDArray[np.float64]
    leaves: npt.NDArray[np.float64]

    def probability(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the probability for each row of features."""
        trees = np.arange(len(self.features))
        node = np.zeros((len(values), len(trees)), np.intp)
        for _ in range(DEPTH):
            right = np.take_along_axis(values, self.features[trees, node], axis=1) > self.limits[trees, node]
            node = 2 * node + 1 + right
        odds = self.bias + self.leaves[trees, node - (2**DEPTH - 1)].sum(axis=1)
        return np.asarray(1 / (1 + np.exp(-odds)))


@functools.cache
def load_forests() -> dict[str, Forest]:
    """Return the forests of speech and of music."""
    data = json.loads(resources.files(__package__).joinpath(TREES).read_text("utf-8"))
    index = {name: position for position, name in enumerate(NAMES)}
    return {
        name: Forest(
            forest["bias"],
            np.array([[index[feature] for feature in tree["features"]] for tree in forest["trees"]]),
            np.array([tree["limits"] for tree in forest["trees"]], np.float64),
            np.array([tree["leaves"] for tree in forest["trees"]], np.float64),
        )
        for name, forest in data["forests"].items()
    }


def find_bleed(spectra: TakeSpectra) -> Bleed:
    """Return the speech and the music in a take."""
    windows = window_features(spectra)
    audible = np.array(
        [spectra.mel[start:end].mean() > AUDIBLE_POWER for start, end in zip(windows.starts, windows.ends, strict=True)]
    )
    found = {
        name: _spans(windows, np.where(audible, forest.probability(windows.values), 0), THRESHOLDS[name])
        for name, forest in load_forests().items()
    }
    return Bleed(found["speech"], found["music"])


def bleed_level(probability: Sequence[float] | npt.NDArray[np.float64]) -> float:
    """Return the mean probability of the two most suspect windows: one alone may be an accident."""
    return float(np.sort(np.asarray(probability))[-2:].mean()) if len(probability) else 0.0


def _spans(windows: WindowFeatures, probability: npt.NDArray[np.float64], threshold: float) -> tuple[BleedSpan, ...]:
    if bleed_level(probability) < threshold:
        return ()
    spans: list[BleedSpan] = []
    for start, end, each in zip(windows.starts, windows.ends, probability, strict=True):
        if each < SPAN_THRESHOLD:
            continue
        first, last = float(start * HOP_SECONDS), float(end * HOP_SECONDS)
        if spans and first <= spans[-1].end:
            spans[-1] = BleedSpan(spans[-1].start, last, max(spans[-1].confidence, float(each)))
        else:
            spans.append(BleedSpan(first, last, float(each)))
    return tuple(span for span in spans if span.confidence >= threshold)
