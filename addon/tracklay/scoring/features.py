"""Features of windows of a take by which speech and music differ from the sounds of things: rain, wind, hits, engines, ringing metal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .spectra import HOP_SECONDS, MEL_BANDS, NOTE_HOPS

if TYPE_CHECKING:
    import numpy.typing as npt

    from .spectra import TakeSpectra

    Floats = npt.NDArray[np.float32]

WINDOW_SECONDS = 2.4
"""Length of a window: about ten syllables, or five beats."""

WINDOW_HOP_SECONDS = 0.6

VOICED = 0.5
"""Autocorrelation from which a frame counts as voiced (Boersma 1993 has 0.45)."""

PITCH_STEP = 0.8
"""Largest change of a voice's pitch between two frames, in semitones."""

MIN_VOICED_FRAMES = 5
CEPSTRA = 8
MODULATION_HZ = ((0.5, 2.0), (2.0, 4.0), (4.0, 8.0), (8.0, 16.0), (16.0, 40.0))
PEAK_RATIO = 4.0
"""A spectral peak is this many times the median magnitude of the half octave around it."""

NAMES = (
    "voiced", "runs", "run_length", "run_range", "run_slope", "run_steady", "pitch_level", "pitch_spread", "voicing_high",
    "voicing_mean", "voicing_spread",
    *(f"modulation_{low:g}" for low, _ in MODULATION_HZ), "flatness", "flatness_spread", "tilt", "tilt_spread", "low_energy",
    "peakiness", "flux",
    "formant_spread", "formant_speed", "voiced_formant_spread", "voiced_formant_speed", "voiced_tilt_contrast",
    "tonal", "tonal_spread", "sustained", "held", "grid", "chroma_entropy", "chroma_change", "births", "polyphony",
    "harmonic_share", "beat", "beat_period", "steady_tone", "pitch_classes",
)  # fmt: skip
"""Names of the features, in their order."""


@dataclass(frozen=True, slots=True)
class WindowFeatures:
    """The features of a take's windows.

    Attributes:
        starts: [windows] first frame of each, in steps of `HOP_SECONDS`.
        ends: [windows] the frame after its last.
        values: [windows, features] in the order of `NAMES`.
    """

    starts: npt.NDArray[np.intp]
    ends: npt.NDArray[np.intp]
    values: npt.NDArray[np.float64]


def window_features(spectra: TakeSpectra) -> WindowFeatures:
    """Return the features of all windows of a take; a take shorter than a window is one window."""
    frames = len(spectra.voicing)
    size, hop = round(WINDOW_SECONDS / HOP_SECONDS), round(WINDOW_HOP_SECONDS / HOP_SECONDS)
    starts = np.arange(0, max(1, frames - size // 2), hop)
    starts = np.minimum(starts, max(0, frames - size))
    starts = np.unique(starts)
    ends = np.minimum(starts + size, frames)
    fine, coarse = _FineFrames(spectra), _NoteFrames(spectra)
    rows = [
        np.concatenate([fine.window(start, end), coarse.window(start // NOTE_HOPS, -(-end // NOTE_HOPS))])
        for start, end in zip(map(int, starts), map(int, ends), strict=True)
    ]
    return WindowFeatures(starts, ends, np.nan_to_num(np.array(rows, np.float64)))


class _FineFrames:
    """The part of the features that is fine in time: voicing, syllables, formants."""

    def __init__(self, spectra: TakeSpectra) -> None:
        self.spectra = spectra
        self.log_mel = np.log10(spectra.mel + 1e-7)
        band = np.arange(MEL_BANDS)
        basis = np.cos(np.pi * np.arange(1, CEPSTRA + 1)[:, None] * (band + 0.5) / MEL_BANDS) * np.sqrt(2 / MEL_BANDS)
        self.cepstra = self.log_mel @ basis.T.astype(np.float32)
        self.semitones = 12 * np.log2(spectra.pitch / 100)
        voiced = spectra.voicing > VOICED
        joined = voiced[1:] & voiced[:-1] & (np.abs(np.diff(self.semitones)) < PITCH_STEP)
        edges = np.flatnonzero(np.diff(np.concatenate([[False], joined, [False]]).astype(np.int8)))
        firsts, lasts = edges[::2], edges[1::2] + 1  # frames [first, last)
        long = lasts - firsts >= MIN_VOICED_FRAMES
        self.firsts, self.lasts = firsts[long], lasts[long]
        self.in_run = np.zeros(len(voiced), bool)
        for first, last in zip(self.firsts, self.lasts, strict=True):
            self.in_run[first:last] = True
        self.energy = spectra.mel[:, 4:].sum(axis=1)
        self.onset = np.maximum(0, np.diff(self.log_mel, axis=0, prepend=self.log_mel[:1])).mean(axis=1)

    def window(self, start: int, end: int) -> npt.NDArray[np.float64]:
        spectra, length = self.spectra, end - start
        voicing, flatness, tilt = (part[start:end] for part in (spectra.voicing, spectra.flatness, spectra.tilt))
        runs = [
            (max(first, start), min(last, end))
            for first, last in zip(self.firsts, self.lasts, strict=True)
            if first < end and last > start
        ]
        in_run = self.in_run[start:end]
        ranges, slopes, steady, lengths = [], [], [], []
        for first, last in runs:
            contour = self.semitones[first:last]
            steps = np.abs(np.diff(contour))
            ranges.append(float(np.percentile(contour, 95) - np.percentile(contour, 5)))
            slopes.append(float(steps.mean()) if len(steps) else 0.0)
            steady.append(float((steps < 0.06).mean()) if len(steps) else 0.0)
            lengths.append(last - first)
        pitch = self.semitones[start:end][in_run]
        energy = self.energy[start:end]
        level = np.log10(energy + 1e-7)
        cepstra = self.cepstra[start:end]
        speed = np.abs(np.diff(cepstra, axis=0)).mean() if length > 1 else 0.0
        both = in_run[1:] & in_run[:-1]
        inside = cepstra[in_run]
        voiced_speed = np.abs(np.diff(cepstra, axis=0))[both].mean() if both.any() else 0.0
        contrast = float(tilt[~in_run].mean() - tilt[in_run].mean()) if in_run.any() and not in_run.all() else 0.0
        return np.array(
            [
                in_run.mean(),
                len(runs) * 100 / length,
                np.mean(lengths) / 100 if lengths else 0,
                np.average(ranges, weights=lengths) if ranges else 0,
                np.average(slopes, weights=lengths) if slopes else 0,
                np.average(steady, weights=lengths) if steady else 0,
                np.median(pitch) if len(pitch) else 0,
                np.std(pitch) if len(pitch) else 0,
                np.percentile(voicing, 90),
                voicing.mean(),
                voicing.std(),
                *self._modulation(start, end),
                flatness.mean(),
                flatness.std(),
                tilt.mean(),
                tilt.std(),
                (energy < 0.5 * energy.mean()).mean(),
                np.log10(energy.max() / (energy.mean() + 1e-9)),
                np.abs(np.diff(level)).mean() if length > 1 else 0,
                cepstra.std(axis=0).mean(),
                speed,
                inside.std(axis=0).mean() if len(inside) > 2 else 0,
                voiced_speed,
                contrast,
            ],
            np.float64,
        )

    def _modulation(self, start: int, end: int) -> list[float]:
        """Return the shares of the mel bands' power changes in `MODULATION_HZ`."""
        bands = self.log_mel[start:end, 4:22]
        # Neighbouring bands together: speech moves them as formants, noise each by itself.
        grouped = bands.reshape(len(bands), 6, 3).mean(axis=2)
        grouped = (grouped - grouped.mean(axis=0)) * np.hanning(len(grouped))[:, None]
        power = (np.abs(np.fft.rfft(grouped, 512, axis=0)) ** 2).sum(axis=1)
        hz = np.fft.rfftfreq(512, HOP_SECONDS)
        total = power[hz >= MODULATION_HZ[0][0]].sum() + 1e-9
        return [float(power[(hz >= low) & (hz < high)].sum() / total) for low, high in MODULATION_HZ]


class _NoteFrames:
    """The part of the features that is fine in frequency: notes, chords, beats."""

    def __init__(self, spectra: TakeSpectra) -> None:
        notes = spectra.notes
        # Three magnitudes around each bin: a local maximum, well above the median of its neighbourhood.
        middle = notes[:, 1:-1]
        local = (middle > notes[:, :-2]) & (middle >= notes[:, 2:])
        floor = _running_median(notes)[:, 1:-1]
        peaks = (
            local & (middle > PEAK_RATIO * floor) & (middle > 0.01 * notes.max(axis=1, keepdims=True)) & (middle > 1e-4)
        )
        # Parabolic interpolation between bins gives a few cents.
        left, right = (np.log(part + 1e-9) for part in (notes[:, :-2], notes[:, 2:]))
        centre = np.log(middle + 1e-9)
        curve = left - 2 * centre + right
        shift = np.where(np.abs(curve) > 1e-6, 0.5 * (left - right) / np.where(curve == 0, 1, curve), 0)
        step = spectra.note_hz[1] - spectra.note_hz[0]
        hz = spectra.note_hz[1:-1] + np.clip(shift, -0.5, 0.5) * step
        self.peaks = peaks
        self.weights = np.where(peaks, np.sqrt(middle), 0)
        self.semitones = 12 * np.log2(hz / 440)
        self.energy = (notes**2).sum(axis=1)
        peak_energy = np.where(peaks, middle**2, 0)
        # A peak of a Hann window has about two thirds of its energy in its neighbours.
        self.tonal = np.minimum(1, 2.6 * peak_energy.sum(axis=1) / (self.energy + 1e-9))
        self.peak_energy = peak_energy
        self.age = self._ages()
        # A track that began in this frame and lives for at least three more.
        self.chroma = self._chroma()
        log_notes = np.log10(notes + 1e-4)
        self.onset = np.maximum(0, np.diff(log_notes, axis=0, prepend=log_notes[:1])).mean(axis=1)

    def _ages(self) -> npt.NDArray[np.int32]:
        """Return for each peak how many frames its track has lasted, within half a semitone from frame to frame."""
        age = np.zeros(self.peaks.shape, np.int32)
        for row in range(1, len(age)):
            before = age[row - 1] + self.peaks[row - 1]
            widest = before.copy()
            widest[1:] = np.maximum(widest[1:], before[:-1])
            widest[:-1] = np.maximum(widest[:-1], before[1:])
            age[row] = np.where(self.peaks[row], widest, 0)
        return age

    def _chroma(self) -> Floats:
        """Return [frames, 12] weights of the pitch classes of tracks that have lasted for two frames."""
        rows, columns = np.nonzero(self.peaks & (self.age >= 1) & (self.semitones < 24) & (self.semitones > -18))
        classes = np.rint(self.semitones[rows, columns]).astype(int) % 12
        chroma = np.zeros((len(self.peaks), 12), np.float32)
        np.add.at(chroma, (rows, classes), self.weights[rows, columns])
        return chroma

    def window(self, start: int, end: int) -> npt.NDArray[np.float64]:
        end = min(max(end, start + 2), len(self.peaks))
        rows = slice(start, end)
        peaks, weights, age, semitones = self.peaks[rows], self.weights[rows], self.age[rows], self.semitones[rows]
        total = self.energy[rows].sum() + 1e-9
        tonal = self.tonal[rows]
        energy = self.peak_energy[rows]
        sustained = 2.6 * energy[age >= 3].sum() / total
        held = 2.6 * energy[age >= 16].sum() / total
        aged = peaks & (age >= 2) & (semitones > -18) & (semitones < 24)
        weight = weights[aged]
        # Equal temperament gathers the pitches' fractions of a semitone around one value, whatever the tuning is.
        grid = np.abs((weight * np.exp(2j * np.pi * semitones[aged])).sum()) / weight.sum() if len(weight) > 8 else 0
        chroma = self.chroma[rows]
        share = chroma.sum(axis=0)
        share = share / share.sum() if share.sum() > 0 else np.full(12, 1 / 12)
        entropy = -(share * np.log(share + 1e-9)).sum() / np.log(12)
        lag = 6
        if len(chroma) > lag:
            norm = np.linalg.norm(chroma, axis=1) + 1e-6
            cosine = (chroma[lag:] * chroma[:-lag]).sum(axis=1) / (norm[lag:] * norm[:-lag])
            change = (
                float(1 - cosine[chroma[lag:].sum(axis=1) > 0].mean()) if (chroma[lag:].sum(axis=1) > 0).any() else 0
            )
        else:
            change = 0
        births = (peaks & (age == 4)).sum() / len(peaks)
        polyphony = (peaks & (age >= 3)).sum(axis=1).mean()
        return np.array(
            [
                tonal.mean(),
                tonal.std(),
                sustained,
                held,
                grid,
                entropy,
                change,
                births,
                np.log1p(polyphony),
                (share > 0.08).sum() / 12 if len(weight) else 0,
                *self._beat(start, end),
                held / (sustained + 0.05),
                np.exp(-(share * np.log(share + 1e-9)).sum()) / 12,
            ],
            np.float64,
        )

    def _beat(self, start: int, end: int) -> tuple[float, float]:
        """Return the height and the period in seconds of the strongest beat from 0.25 to 1 s in a window of twice the length."""
        half = (end - start) // 2
        onset = self.onset[max(0, start - half) : end + half]
        onset = onset - onset.mean()
        if len(onset) < 40:
            return 0.0, 0.0
        size = 1 << (2 * len(onset) - 1).bit_length()
        correlation = np.fft.irfft(np.abs(np.fft.rfft(onset, size)) ** 2)[: len(onset)]
        low, high = 4, min(17, len(onset) - 1)
        scaled = correlation[low:high] / (correlation[0] + 1e-9) * len(onset) / (len(onset) - np.arange(low, high))
        best = int(scaled.argmax())
        return float(scaled[best]), (low + best) * NOTE_HOPS * HOP_SECONDS


def _running_median(notes: Floats) -> Floats:
    """Return the medians of neighbourhoods of 32 bins (125 Hz to each side), each used for its middle half."""
    bins = notes.shape[1]
    step, size = 16, 32
    starts = np.arange(0, max(1, bins - size + 1), step)
    medians = np.stack([np.median(notes[:, at : at + size], axis=1) for at in starts], axis=1)
    index = np.clip((np.arange(bins) - size // 4) // step, 0, len(starts) - 1)
    return medians[:, index]
