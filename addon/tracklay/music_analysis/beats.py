"""Beats of a piece: the series of onsets that are strongest and most even, found by dynamic programming.

D. P. W. Ellis, "Beat tracking by dynamic programming", Journal of New Music Research 36 (2007). The beats are then placed
between the frames and smoothed: each lies on the line through the onsets of the beats around it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from .features import MusicFeatures

    Beats = npt.NDArray[np.float64]
    Frames = npt.NDArray[np.int64]
    Strength = npt.NDArray[np.float64]

TIGHTNESS = 300.0
"""Cost of a beat's departure from the period, by the square of its natural logarithm, in standard deviations of strength."""

SMOOTH_BEATS = 12
"""Beats before and after, through whose onsets a beat's line is laid. Playing is uneven by some milliseconds, tempo is not."""

ONSET_MERIT, LOW_MERIT, HIGH_MERIT, CHORD_MERIT = 1.0, 0.3, 0.2, 0.7
"""Weights, on logarithms, of the differences between beats and the points halfway between them."""

EARLY_BEATS = 0.15
"""A beat may be this share of a beat before the sound: then the sound begins with it."""

ATTACK_SHARE = 0.3
"""An onset is on a beat if it has this share of the median beat's strength."""

ONSET_LAG_FRAMES = -0.15
"""Frames from an attack to the peak of its onset strength, measured with clicks, noise bursts and plucked tones."""


def onset_strength(rises: npt.NDArray[np.float32], frame_rate: float) -> Strength:
    """Return rises above their mean over half a second, with a standard deviation of 1; zeros for a sound with no rise."""
    values = rises.astype(np.float64)
    width = 2 * round(frame_rate / 4) + 1
    if not len(values):
        return values
    around = np.convolve(np.pad(values, width // 2, mode="edge"), np.full(width, 1 / width), mode="valid")
    strength = np.maximum(0.0, values - around)
    deviation = float(strength.std())
    return strength / deviation if deviation > 1e-6 else np.zeros_like(strength)


def track_beats(features: MusicFeatures, period: float) -> Beats:
    """Return the beats as frames of the features, with fractions, for a period in frames: from the sound's start to its end."""
    broad = onset_strength(features.broad_onset, features.frame_rate)
    frames = len(broad)
    if frames < 2 * period:
        return np.arange(0.0, frames, period)
    found = follow_period(broad, period)
    whole = onset_strength(features.onset, features.frame_rate)
    halfway = np.rint((found[1:] + found[:-1]) / 2).astype(np.int64)
    if len(halfway) and _pulse_merit(features, whole, halfway) > _pulse_merit(features, whole, found):
        found = np.append(halfway, min(frames - 1, halfway[-1] + round(period)))
        if halfway[0] >= period / 2:
            found = np.insert(found, 0, max(0, halfway[0] - round(period)))
    return _extend(smooth_beats(_between_frames(whole, found), whole, period), frames)


def _extend(beats: Beats, frames: int) -> Beats:
    """Return the beats with those before the first onset and after the last, as far apart as the nearest ones."""
    if len(beats) < 2:
        return beats
    before, after = (float(np.median(part)) for part in (np.diff(beats[:9]), np.diff(beats[-9:])))
    first = beats[0] - before * np.arange(int(beats[0] / before + EARLY_BEATS), 0, -1)
    last = beats[-1] + after * np.arange(1, int((frames - 1 - beats[-1]) / after) + 1)
    return np.concatenate([np.maximum(first, 0), beats, last])


def follow_period(strength: Strength, period: float) -> Frames:
    """Return the frames, about a period apart, that have the most strength together."""
    frames = len(strength)
    spread = max(1.0, period / 32)
    reach = np.arange(-int(3 * spread) - 1, int(3 * spread) + 2)
    local = np.convolve(strength, np.exp(-0.5 * (reach / spread) ** 2), mode="same")
    lags = np.arange(max(1, round(period / 2)), round(2 * period) + 1)
    costs = -TIGHTNESS * np.log(lags / period) ** 2
    before = int(lags[-1])
    totals = np.zeros(before + frames)
    links = np.empty(frames, np.int64)
    for frame in range(frames):
        earlier = totals[frame + before - lags] + costs
        best = int(np.argmax(earlier))
        links[frame] = frame - lags[best]
        totals[frame + before] = local[frame] + earlier[best]
    totals = totals[before:]
    found = [frames - round(period) + int(np.argmax(totals[-round(period) :]))]
    while links[found[-1]] >= 0:
        found.append(int(links[found[-1]]))
    return np.array(found[::-1])


def _pulse_merit(features: MusicFeatures, strength: Strength, beats: Frames) -> float:
    """Return how much speaks for beats rather than the points halfway between them: off-beats may be loud in some styles.

    Onsets of all, low and high bands are stronger on beats, and chords change on one beat of the bar.
    """
    merit = ONSET_MERIT * float(np.log(peaks_at(strength, beats).mean() + 0.1))
    for rises, weight in ((features.low_onset, LOW_MERIT), (features.high_onset, HIGH_MERIT)):
        merit += weight * float(np.log(peaks_at(rises, beats).mean() + 0.1))
    edges = beats * (features.hop / features.pitch_hop)
    changes = pitch_changes(features.pitches, edges, 0.75 * float(np.median(np.diff(edges))))
    strongest = max(float(changes[phase::4].mean()) for phase in range(4)) if len(changes) >= 4 else 0.0
    return merit + CHORD_MERIT * float(np.log(strongest + 1e-3))


def peaks_at(values: npt.NDArray[np.floating], frames: npt.NDArray[np.floating] | Frames) -> Strength:
    """Return the greatest value within three frames of each frame."""
    padded = np.pad(np.asarray(values, np.float64), 3)
    peaks: Strength = padded[np.rint(frames).astype(np.int64).clip(0, len(values) - 1)[:, None] + np.arange(7)].max(
        axis=1
    )
    return peaks


def pitch_changes(pitches: npt.NDArray[np.float32], at: npt.NDArray[np.floating], reach: float) -> Strength:
    """Return how much the mean pitch classes before and after each point differ, 0 to 2, over `reach` frames."""
    sums = np.concatenate([np.zeros((1, 12)), np.cumsum(pitches, axis=0, dtype=np.float64)])
    first, middle, last = (np.rint(at + part).astype(int).clip(0, len(pitches)) for part in (-reach, 0, reach))
    before, after = sums[middle] - sums[first], sums[last] - sums[middle]
    before -= before.mean(axis=1, keepdims=True)
    after -= after.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(before, axis=1) * np.linalg.norm(after, axis=1)
    return np.where(lengths > 1e-6, 1 - np.sum(before * after, axis=1) / np.maximum(lengths, 1e-6), 0)


def find_attacks(strength: Strength, beats: Beats) -> Beats:
    """Return the attacks of the onsets on beats, in frames. Where there is hardly one, it is the beat itself."""
    if not len(strength):
        return beats
    nearest = np.rint(beats).astype(np.int64).clip(0, len(strength) - 1)
    peaks = peaks_at(strength, nearest)
    found = _between_frames(strength, nearest)
    return np.where(peaks > ATTACK_SHARE * np.median(peaks), found, beats)


def _between_frames(strength: Strength, beats: Frames) -> Beats:
    """Return the peaks of strength within two frames of the beats, to a fraction of a frame."""
    padded = np.pad(strength, 4)
    around = padded[beats[:, None] + np.arange(2, 7)]
    peaks = beats + np.argmax(around, axis=1) - 2
    left, middle, right = padded[peaks + 3], padded[peaks + 4], padded[peaks + 5]
    curve = left - 2 * middle + right
    offset = np.where(curve < -1e-9, 0.5 * (left - right) / np.minimum(curve, -1e-9), 0.0)
    placed: Beats = np.where(middle > 0, peaks + np.clip(offset, -0.5, 0.5), beats) - ONSET_LAG_FRAMES
    return placed


def smooth_beats(beats: Beats, strength: Strength, period: float) -> Beats:
    """Return beats on the lines through the onsets around each."""
    count = len(beats)
    if count < 4:
        return beats
    weights = 0.05 + np.interp(beats, np.arange(len(strength)), strength).clip(0, 4)
    index = np.arange(count)
    smoothed = np.empty(count)
    for beat in range(count):
        first, last = max(0, beat - SMOOTH_BEATS), min(count, beat + SMOOTH_BEATS + 1)
        x, y = index[first:last] - beat, beats[first:last]
        weight = weights[first:last] * (1 - (np.abs(x) / (SMOOTH_BEATS + 1)) ** 2)
        line = np.array([period, beats[beat]])
        for scale in (0.15, 0.06, 0.03):
            line = _fit_line(x, y, weight)
            away = (y - (line[0] * x + line[1])) / (scale * period)
            weight = weights[first:last] * (1 - (np.abs(x) / (SMOOTH_BEATS + 1)) ** 2) / (1 + away**2) ** 2
        smoothed[beat] = line[1]
    return smoothed


def _fit_line(x: npt.NDArray[np.int64], y: Beats, weight: Strength) -> npt.NDArray[np.float64]:
    """Return slope and value at 0 of the weighted line."""
    total = weight.sum()
    mean_x, mean_y = float(weight @ x / total), float(weight @ y / total)
    slope = float(weight @ ((x - mean_x) * (y - mean_y)) / (weight @ (x - mean_x) ** 2))
    return np.array([slope, mean_y - slope * mean_x])
