"""Listens to each sound of a scene, once and block by block: its loudness over time, when someone speaks, its edges and its faults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from ..cue import SAMPLE_RATE
from ..listening.loudness import LoudnessMeter
from ..scoring.bleed import find_bleed
from ..scoring.spectra import analyse_spectra
from .gain_curve import FADE_SAMPLES
from .layouts import MONO, to_layout
from .speech import SpeechDetector

if TYPE_CHECKING:
    import numpy.typing as npt

    from .kinds import Kind, KindOrigin
    from .sources import SourceReader

    Samples = npt.NDArray[np.float32]
    Powers = npt.NDArray[np.float64]

BLOCK_SAMPLES: Final = 1 << 16
"""Samples read at a time."""

SPEECH_SECONDS = 0.6
"""Seconds of speech from which a sound is dialogue."""

SPOT_SECONDS = 10
"""Seconds up to which a sound of unknown kind is an effect; a longer one is ambience."""

_EDGE_SAMPLES = FADE_SAMPLES  # in which a cut is heard as a click
_HALF_FADE = FADE_SAMPLES // 2
_AFTER_EDGE_SAMPLES = 20 * _EDGE_SAMPLES
_AUDIBLE_EDGE = 10 ** (-60 / 20)
_CLIPPED_RUN = 4  # samples in a row at the highest value that no wave has by itself
_CLIPPED_FROM = 0.9
_MUSIC_EXCERPT_SECONDS = 20


@dataclass(frozen=True, slots=True)
class SoundAnalysis:
    """The analysis of one sound.

    Attributes:
        kind: its kind.
        kind_from: how it was found.
        powers: K-weighted power of each 100 ms from its start, the user's volume included.
        speech: (start, stop) of each stretch of speech on the mix's timeline.
        peak: highest sample, linear.
        fades: True for its start and its end if a cut there would click.
        handles: samples of its file beyond its start and its end that the fades there use, 0 or half of a fade.
        invalid: samples that were no number or infinite; they play as silence.
        clipped: stretches that are cut off at the highest value.
    """

    kind: Kind
    kind_from: KindOrigin
    powers: Powers
    speech: tuple[tuple[int, int], ...]
    peak: float
    fades: tuple[bool, bool]
    invalid: int
    clipped: int
    handles: tuple[int, int] = (0, 0)


def analyse_sound(reader: SourceReader, channels: int) -> SoundAnalysis:
    """Return what is heard in a sound. Its length costs no memory.

    Speech is looked for in dialogue and in sounds whose names say nothing: what is known to be music may have a singer.
    """
    source = reader.source
    known = source.known_kind()
    meter, detector = LoudnessMeter(channels), SpeechDetector()
    wants_speech = known is None or known[0] == "dialogue"
    invalid = 0
    clips = _ClipCounter()
    for start in range(source.start, source.stop, BLOCK_SAMPLES):
        stop = min(source.stop, start + BLOCK_SAMPLES)
        block, unusable = reader.read_checked(start, stop)
        invalid += unusable
        clips.add(block)
        meter.add(np.ascontiguousarray(block.T))
        if wants_speech:
            detector.add(to_layout(block, MONO)[:, 0])
    speech = [(source.start + a, source.start + b) for a, b in detector.spans()] if wants_speech else []
    (fade_in, before), (fade_out, after) = _needed_fade_in(reader), _needed_fade_out(reader)
    fades, handles = (fade_in, fade_out), (before, after)
    kind, kind_from = known or _listen_for_kind(reader, sum(b - a for a, b in speech))
    return SoundAnalysis(
        kind,
        kind_from,
        meter.part_powers(),
        tuple(speech) if kind == "dialogue" else (),
        clips.peak,
        fades,
        invalid,
        clips.count,
        handles,
    )


def _listen_for_kind(reader: SourceReader, speech_samples: int) -> tuple[Kind, KindOrigin]:
    """Return the kind of a sound without a known kind: dialogue if someone speaks, music if it plays, else by its length."""
    if speech_samples >= SPEECH_SECONDS * SAMPLE_RATE:
        return "dialogue", "speech"
    source = reader.source
    excerpt = min(source.samples, _MUSIC_EXCERPT_SECONDS * SAMPLE_RATE)
    first = source.start + (source.samples - excerpt) // 2
    if excerpt >= SAMPLE_RATE and find_bleed(analyse_spectra(reader.read(first, first + excerpt), SAMPLE_RATE)).music:
        return "music", "music"
    return ("effects" if source.samples <= SPOT_SECONDS * SAMPLE_RATE else "ambience"), "length"


def _needed_fade_in(reader: SourceReader) -> tuple[bool, int]:
    """Return whether a sound begins so abruptly that a cut is heard, and the samples before it that a fade uses.

    A hit on its first sample is meant, and no cut. With handles only a cut through sound is one.
    """
    source = reader.source
    if reader.handles()[0] >= _HALF_FADE:
        return _is_cut_through(reader, source.start), _HALF_FADE
    reach = min(source.samples, _EDGE_SAMPLES + _AFTER_EDGE_SAMPLES)
    head = np.abs(reader.read(source.start, source.start + reach)).max(axis=1, initial=0)
    edge, after = head[:_EDGE_SAMPLES].max(initial=0), head[_EDGE_SAMPLES:].max(initial=0)
    return bool(len(head) and head[0] > _AUDIBLE_EDGE and edge <= 2 * after), 0


def _needed_fade_out(reader: SourceReader) -> tuple[bool, int]:
    """Return whether a sound ends so abruptly that a cut is heard, and the samples after it that a fade uses."""
    source = reader.source
    if reader.handles()[1] >= _HALF_FADE:
        return _is_cut_through(reader, source.stop), _HALF_FADE
    tail = np.abs(reader.read(source.stop - min(source.samples, 1), source.stop))
    return bool(tail.max(initial=0) > _AUDIBLE_EDGE), 0


def _is_cut_through(reader: SourceReader, edge: int) -> bool:
    """Return whether a sound is audible on both sides of an edge. Two clips that meet where the file goes on get the same answer."""
    around = np.abs(reader.read(edge - _HALF_FADE, edge + _HALF_FADE))
    return bool(min(around[:_HALF_FADE].max(), around[_HALF_FADE:].max()) > _AUDIBLE_EDGE)


class _ClipCounter:
    """Counts stretches of samples at the same highest value, and keeps the highest of all."""

    def __init__(self) -> None:
        self.count, self.peak = 0, 0.0

    def add(self, block: Samples) -> None:
        highest = float(np.abs(block).max(initial=0))
        self.peak = max(self.peak, highest)
        if highest < _CLIPPED_FROM:
            return
        for channel in np.abs(block.T):
            is_high = (channel >= 0.9999 * highest).astype(np.int8)
            edges = np.flatnonzero(np.diff(np.concatenate([[0], is_high, [0]])))
            lengths = edges[1::2] - edges[::2]
            self.count += int(np.count_nonzero(lengths >= _CLIPPED_RUN))
