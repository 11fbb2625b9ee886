"""Analysis of a piece of music: one value with its tempo, beats, bars, sections, accents and ending."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .attacks import place_on_attacks
from .bars import find_bars
from .beats import find_attacks, onset_strength, peaks_at, track_beats
from .ending import find_ending
from .features import measure_features
from .likeness import compare_beats, describe_beats
from .structure import find_sections, measure_accents
from .tempo import find_tempo

if TYPE_CHECKING:
    import numpy.typing as npt

    from ..listening.spectrum import ReadSamples, Samples
    from .beats import Beats, Strength
    from .ending import Ending
    from .features import MusicFeatures
    from .likeness import Matrix

LEAST_BEATS = 2
"""A sound shorter than this many beats has one beat, on its first sample."""


@dataclass(frozen=True, slots=True)
class MusicAnalysis:
    """A piece of music over time. All times are samples of the sound.

    Attributes:
        sample_rate: Hz.
        samples: length of the sound.
        tempo: beats per minute: 60 to 180.
        tempo_confidence: 0 to 1; 0 when no beat was found and the grid is an even 120.
        beats: shape (beats,): first samples of the beats, rising, on an even grid that follows the playing.
        attacks: shape (beats,): where the sound on the beat is attacked, some milliseconds from the grid.
        places: shape (beats,): each beat's place in its bar, 0 for the first.
        meter: beats in a bar, 3 or 4.
        accents: shape (beats,): strength of the accent on each beat, 0 to 1.
        sections: beats on which sections begin.
        likeness: shape (beats, beats): how alike the sound of two beats is, 0 to 1.
        ending: where the music's own ending begins and ends.
    """

    sample_rate: int
    samples: int
    tempo: float
    tempo_confidence: float
    beats: npt.NDArray[np.int64]
    attacks: npt.NDArray[np.int64]
    places: npt.NDArray[np.int64]
    meter: int
    accents: Strength
    sections: npt.NDArray[np.int64]
    likeness: Matrix
    ending: Ending

    def attack_offset(self, beat: int) -> int:
        """Return the samples from a beat of the grid to its attack."""
        return int(self.attacks[beat] - self.beats[beat])

    @property
    def downbeats(self) -> npt.NDArray[np.int64]:
        """First samples of the bars."""
        firsts: npt.NDArray[np.int64] = self.beats[self.places == 0]
        return firsts


def analyze_samples(samples: Samples, sample_rate: int) -> MusicAnalysis:
    """Return the analysis of a piece, (samples, channels)."""
    return analyze_music(lambda start, stop: samples[start:stop], len(samples), sample_rate)


def analyze_music(read: ReadSamples, length: int, sample_rate: int) -> MusicAnalysis:
    """Return the analysis of a piece of `length` samples, of which `read(start, stop)` returns a stretch, (samples, channels).

    The sound is read twice, in stretches of some seconds, and around each beat once more. A sound without a beat is given an even grid
    of two beats a second.
    """
    features = measure_features(read, length, sample_rate)
    tempo, confidence = find_tempo(features)
    strength = onset_strength(features.onset, features.frame_rate)
    frames = _beat_frames(features, tempo, confidence)
    beats = np.rint(frames * features.hop).astype(np.int64)
    beats = beats[(beats >= 0) & (beats < max(1, length))]
    if not len(beats):
        beats = np.zeros(1, np.int64)
    beats = np.unique(beats)
    at = beats / features.hop
    attacks = np.rint(find_attacks(strength, at) * features.hop).astype(np.int64)
    beats, attacks = place_on_attacks(read, length, sample_rate, beats, attacks)
    if confidence and len(beats) > LEAST_BEATS:
        tempo = _mean_tempo(beats, sample_rate)
    edges = np.append(beats.astype(np.float64), min(length, beats[-1] + 60 * sample_rate / tempo))
    pitches, timbre = describe_beats(features, edges)
    likeness = compare_beats(pitches, timbre)
    onsets = peaks_at(strength, at)
    low = peaks_at(onset_strength(features.low_onset, features.frame_rate), at)
    meter, places = find_bars(low, onsets, pitches, likeness)
    sections = find_sections(pitches, timbre, places, meter)
    accents = measure_accents(onsets, low, _beat_levels(features, edges), places, sections)
    ending = find_ending(features, strength, beats, places, meter)
    return MusicAnalysis(
        sample_rate, length, tempo, confidence, beats, attacks, places, meter, accents, sections, likeness, ending
    )


def measure_tempo_of(read: ReadSamples, length: int, sample_rate: int) -> float | None:
    """Return the tempo of a piece in beats per minute, None if it has no beat. Arguments as `analyze_music`."""
    features = measure_features(read, length, sample_rate)
    tempo, confidence = find_tempo(features)
    if not confidence:
        return None
    beats = np.rint(track_beats(features, 60 * features.frame_rate / tempo) * features.hop).astype(np.int64)
    return _mean_tempo(beats, sample_rate) if len(beats) > LEAST_BEATS else tempo


def _beat_frames(features: MusicFeatures, tempo: float, confidence: float) -> Beats:
    period = 60 * features.frame_rate / tempo
    if not confidence:
        return np.arange(0.0, len(features.onset), period)
    return track_beats(features, period)


def _mean_tempo(beats: npt.NDArray[np.int64], sample_rate: int) -> float:
    """Return the tempo of the median beat, to a fraction: the mean of the middle half of the beats' lengths."""
    lengths = np.sort(np.diff(beats))
    middle = lengths[len(lengths) // 4 : max(len(lengths) // 4 + 1, len(lengths) * 3 // 4)]
    return 60 * sample_rate / float(middle.mean())


def _beat_levels(features: MusicFeatures, edges: Beats) -> Strength:
    """Return the mean level of each beat, dB of full scale."""
    sums = np.concatenate([[0.0], np.cumsum(features.power)])
    bounds = np.rint(edges / features.hop).astype(int).clip(0, len(sums) - 1)
    lengths = np.maximum(1, np.diff(bounds))
    levels: Strength = 10 * np.log10(np.maximum(0, np.diff(sums[bounds])) / lengths + 1e-12)
    return levels
