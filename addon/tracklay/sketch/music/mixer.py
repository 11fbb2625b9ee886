"""Turns notes into stems: sounds at their samples, a room around them, levels, a limiter on the sum, the last fade.

Works in hops of a fixed length, so that memory does not grow with the piece and the samples do not depend on how they
are asked for.
"""

from __future__ import annotations

from collections import deque
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from .arranger import STEM_NAMES, Note
from .drums import render_stroke
from .dsp import StereoSignal, bandpass_response
from .form import SAMPLE_RATE
from .instruments import INSTRUMENTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Stems = dict[str, StereoSignal]

CEILING_DB = -1.0
"""Peak the sum of the stems never goes above, in dBFS."""

_HOP_SAMPLES = 32_768  # samples worked on at once
_TAIL_SAMPLES = 4 * _HOP_SAMPLES  # samples that the room rings at most
_INAUDIBLE_ENERGY_SHARE = 1e-8  # share of the room's energy that is left out at its end
_SOUND_CACHE_BYTES = 32 * 2**20  # of sounds that are wanted again
_BALANCE_DB = {
    "bass": -2.0,
    "chords": -4.0,
    "melody": -2.5,
    "percussion": -1.0,
}  # RMS of a stem while it plays, beside the others
_PANS = {"bass": 0.0, "chords": -0.12, "melody": 0.1, "percussion": 0.0}
_REVERB_SENDS = {"bass": 0.12, "chords": 1.0, "melody": 1.0, "percussion": 0.5}  # share of the room's level
_BRIGHTNESS_STEPS = 4
_LIMITER_STEP_SAMPLES = 64  # samples between the limiter's gain points
_LIMITER_REACH_STEPS = 16  # gain points that the minimum and the smoothing each look to either side
_MIN_FADE_SAMPLES = SAMPLE_RATE // 100
_MAX_FADE_SAMPLES = 5 * SAMPLE_RATE // 2


_SoundKey = tuple[tuple[str, str], int, int, float]  # sound, pitch, samples held, touch


def _sound_key(note: Note) -> _SoundKey:
    """What decides how a note sounds but for its loudness: its velocity counts in four steps of brightness."""
    return note.sound, note.pitch, note.duration, max(1, round(note.velocity * _BRIGHTNESS_STEPS)) / _BRIGHTNESS_STEPS


def _velocity_gain(note: Note) -> float:
    return float(note.velocity**1.5)


class _QuantizedSound(NamedTuple):
    """A sound as kept: whole numbers (2, n) and what one is worth, its rounding 98 dB below its peak and half the memory."""

    pcm: npt.NDArray[np.int16]
    scale: float


class SampleCache:
    """Makes the sounds of notes: first each that is needed once, to be measured, then all of them as they are played.

    As what will be asked for is known, those are kept, within a bound, that are wanted again soonest.
    """

    def __init__(self, notes: tuple[Note, ...], seed: int) -> None:
        self._seed = seed
        self._cache: dict[_SoundKey, _QuantizedSound] = {}
        self._cache_bytes = 0
        played = [_sound_key(note) for note in notes]
        self._uses: dict[_SoundKey, deque[int]] = {key: deque([at]) for at, key in enumerate(dict.fromkeys(played))}
        for at, key in enumerate(played, len(self._uses)):
            self._uses[key].append(at)

    def next_sound(self, note: Note) -> _QuantizedSound:
        """The next sound in that order."""
        key = _sound_key(note)
        self._uses[key].popleft()
        made = self._cache.pop(key, None)
        if made is None:
            made = self._render(key)
        else:
            self._cache_bytes -= made.pcm.nbytes
        if self._uses[key]:
            self._cache[key] = made
            self._cache_bytes += made.pcm.nbytes
            while self._cache_bytes > _SOUND_CACHE_BYTES:
                last = max(self._cache, key=lambda each: self._uses[each][0])
                self._cache_bytes -= self._cache.pop(last).pcm.nbytes
        return made

    def _render(self, key: _SoundKey) -> _QuantizedSound:
        (name, drum), pitch, held, touch = key
        instrument = INSTRUMENTS.get(name)
        sound = (
            instrument.render_note(pitch, held, touch, self._seed)
            if instrument
            else render_stroke(name, drum, touch, self._seed, pitch)
        )
        worth = max(float(sound.max()), -float(sound.min()), 1e-9) / np.iinfo(np.int16).max
        sound *= np.float32(1 / worth)
        return _QuantizedSound(np.rint(sound, out=sound).astype(np.int16), worth)


class ReverbImpulse:
    """A reverberation: decaying noise, darker as it dies, as the spectra of its hops, one after the other.

    `reverb_seconds` is the time it takes to fall by 60 dB (s), `level` its loudness beside a steady dry sound.
    """

    def __init__(self, reverb_seconds: float, level: float, seed: int) -> None:
        n = _TAIL_SAMPLES
        t = np.arange(n) / SAMPLE_RATE
        rng = np.random.Generator(np.random.PCG64([seed, 7]))
        frequencies = np.arange(n // 2 + 1, dtype=np.float64) * (SAMPLE_RATE / n)
        tail = np.zeros((2, n))
        for low, high, share, length in ((160, 700, 1.0, 1.0), (700, 3000, 0.9, 0.85), (3000, 9000, 0.5, 0.45)):
            spectrum = np.fft.rfft(rng.random((2, n)) - 0.5) * bandpass_response(low, high)(frequencies)
            tail += share * np.fft.irfft(spectrum, n) * 10 ** (-3 * t / (reverb_seconds * length))
        early = np.minimum(1, np.maximum(0, t - 0.012) / 0.03)
        tail *= early * np.sin(0.5 * np.pi * np.clip(2 * (1 - np.arange(n) / n), 0, 1)) ** 2
        response = np.fft.rfft(tail, 2 * n)
        heard = slice(round(200 / SAMPLE_RATE * 2 * n), round(3000 / SAMPLE_RATE * 2 * n))
        tail *= level / np.sqrt(np.mean(np.abs(response[:, heard]) ** 2))
        hops = tail.reshape(2, -1, _HOP_SAMPLES).transpose(1, 0, 2)
        left = np.cumsum((hops**2).sum(axis=(1, 2))[::-1])[::-1]
        audible = max(1, int(np.count_nonzero(left > _INAUDIBLE_ENERGY_SHARE * left[0])))
        self.spectra = np.fft.rfft(hops[:audible], 2 * _HOP_SAMPLES).astype(np.complex64)
        self.energy = level**2


class ConvolutionReverb:
    """What one stem sounds like in a room, continuous from hop to hop."""

    def __init__(self, impulse: ReverbImpulse) -> None:
        self._impulse = impulse
        self._input_spectra: deque[npt.NDArray[np.complex64]] = deque(maxlen=len(impulse.spectra))
        self._overlap = np.zeros((2, _HOP_SAMPLES), np.float32)
        self._product = np.empty_like(impulse.spectra[0])

    def process(self, mono: npt.NDArray[np.float32]) -> StereoSignal:
        """The room's answer (2, hop) to the next hop (mono)."""
        self._input_spectra.appendleft(np.fft.rfft(mono, 2 * _HOP_SAMPLES).astype(np.complex64))
        total = np.zeros_like(self._product)
        for hop, sent in zip(self._impulse.spectra, self._input_spectra, strict=False):
            total += np.multiply(hop, sent, out=self._product)
        answer = np.fft.irfft(total, 2 * _HOP_SAMPLES).astype(np.float32)
        now: StereoSignal = answer[:, :_HOP_SAMPLES] + self._overlap
        self._overlap = answer[:, _HOP_SAMPLES:].copy()
        return now


def mix_stems(
    notes: tuple[Note, ...],
    samples: int,
    *,
    final_sample: int,
    bar_samples: int,
    loudness_db: float,
    reverb_seconds: float,
    reverb_level: float,
    seed: int,
) -> Iterator[Stems]:
    """Consecutive hops of every stem, `samples` in all.

    `final_sample` is the sample of the last chord, `bar_samples` a bar's samples, `loudness_db` the RMS in dBFS that the whole is brought
    to before the limiter, `reverb_seconds` and `reverb_level` the reverberation's length (s) and level (0 to 1).
    """
    player = SampleCache(notes, seed)
    space = ReverbImpulse(reverb_seconds, reverb_level, seed)
    gains = _stem_gains(
        notes, player, samples, bar_samples=bar_samples, loudness_db=loudness_db, reverb_energy=space.energy
    )
    for at, stems in _limit(_mix_hops(notes, samples, player, space, gains)):
        length = min(_HOP_SAMPLES, samples - at)
        ending = _final_fade(samples, final_sample, at, length)
        yield {
            name: np.ascontiguousarray((stems[index, :, :length] * ending).T) for index, name in enumerate(STEM_NAMES)
        }


def _stem_gains(
    notes: tuple[Note, ...],
    cache: SampleCache,
    samples: int,
    *,
    bar_samples: int,
    loudness_db: float,
    reverb_energy: float,
) -> Mapping[str, float]:
    """Each stem's gain: balanced by their RMS over the bars in which they play, then brought to the piece's loudness.

    Energies of notes add up, as notes that differ are uncorrelated; each distinct sound is measured once.
    """
    energy = dict.fromkeys(STEM_NAMES, 0.0)
    bars: dict[str, set[int]] = {name: set() for name in STEM_NAMES}
    measured: dict[_SoundKey, float] = {}
    for note in notes:
        key = _sound_key(note)
        if key not in measured:
            wave = cache.next_sound(note)
            left, right = wave.pcm[:, : samples - note.start].astype(np.float32)
            measured[key] = float(left @ left + right @ right) / 2 * wave.scale**2
        energy[note.stem] += measured[key] * _velocity_gain(note) ** 2
        bars[note.stem].update(
            range(note.start // bar_samples, (min(samples, note.start + note.duration) - 1) // bar_samples + 1)
        )
    gains = dict.fromkeys(STEM_NAMES, 0.0)
    total = 0.0
    for name in STEM_NAMES:
        if energy[name] > 0:
            playing = min(samples, len(bars[name]) * bar_samples)
            gains[name] = 10 ** (_BALANCE_DB[name] / 20) / np.sqrt(energy[name] / playing)
            total += gains[name] ** 2 * energy[name] * (1 + reverb_energy * _REVERB_SENDS[name] ** 2)
    scale = 10 ** (loudness_db / 20) / np.sqrt(max(total, 1e-12) / samples)
    return {name: float(gain * scale) for name, gain in gains.items()}


def _mix_hops(
    notes: tuple[Note, ...], samples: int, cache: SampleCache, impulse: ReverbImpulse, gains: Mapping[str, float]
) -> Iterator[npt.NDArray[np.float32]]:
    """Hops (stems, 2, hop) with the room, before the limiter; as many as cover the samples."""
    echoes = [ConvolutionReverb(impulse) for _ in STEM_NAMES]
    ringing: list[tuple[int, int, _QuantizedSound, float]] = []
    coming = iter(notes)
    note = next(coming, None)
    for at in range(0, samples, _HOP_SAMPLES):
        hop = np.zeros((len(STEM_NAMES), 2, _HOP_SAMPLES), dtype=np.float32)
        while note is not None and note.start < at + _HOP_SAMPLES:
            ringing.append((STEM_NAMES.index(note.stem), note.start, cache.next_sound(note), _velocity_gain(note)))
            note = next(coming, None)
        for stem, start, (steps, worth), loudness in ringing:
            first, last = max(at, start), min(at + _HOP_SAMPLES, start + steps.shape[1])
            hop[stem, :, first - at : last - at] += steps[:, first - start : last - start] * np.float32(
                worth * loudness
            )
        ringing = [item for item in ringing if item[1] + item[2].pcm.shape[1] > at + _HOP_SAMPLES]
        for index, name in enumerate(STEM_NAMES):
            if gains[name]:
                angle = np.pi / 4 * (1 + _PANS[name])
                for side, share in enumerate((np.cos(angle), np.sin(angle))):
                    hop[index, side] *= np.float32(gains[name] * np.sqrt(2) * share)
                hop[index] += echoes[index].process(
                    (hop[index, 0] + hop[index, 1]) * np.float32(0.5 * _REVERB_SENDS[name])
                )
        yield hop


def _limit(hops: Iterator[npt.NDArray[np.float32]]) -> Iterator[tuple[int, npt.NDArray[np.float32]]]:
    """Hops with their first sample, turned down around every peak of their sum, within 44 ms either side of it.

    The gain is one for all stems: a smoothed running minimum of what the peaks around a point ask for, and so never
    above what they need.
    """
    ceiling = 10 ** (CEILING_DB / 20) * (1 - 1e-4)
    points = _HOP_SAMPLES // _LIMITER_STEP_SAMPLES
    margin = 2 * _LIMITER_REACH_STEPS + 1
    window = np.hanning(margin + 2)[1:-1]
    window /= window.sum()
    held: npt.NDArray[np.float32] | None = None
    past = now = np.ones(margin)
    index = 0
    for hop in chain(hops, (None,)):
        if hop is None:
            coming = np.ones(margin)
        else:
            peaks = np.abs(hop.sum(axis=0)).max(axis=0).reshape(points, _LIMITER_STEP_SAMPLES).max(axis=1)
            coming = np.minimum(1.0, ceiling / np.maximum(peaks.astype(np.float64), 1e-9))
        if held is not None:
            asked = np.concatenate((past, now, coming[:margin]))
            lowest = np.lib.stride_tricks.sliding_window_view(asked, margin + 1).min(axis=1)
            nodes = np.convolve(lowest, window, mode="valid")
            gain = np.interp(np.arange(_HOP_SAMPLES) / _LIMITER_STEP_SAMPLES, np.arange(points + 1), nodes).astype(
                np.float32
            )
            yield index * _HOP_SAMPLES, held * gain
            index += 1
            past = now[-margin:]
        held, now = hop, coming


def _final_fade(samples: int, final_sample: int, start: int, length: int) -> npt.NDArray[np.float32]:
    """The gain of `length` samples from `start` on: the last chord is led to silence, the last sample is zero."""
    fade = max(_MIN_FADE_SAMPLES, min(_MAX_FADE_SAMPLES, round(0.6 * (samples - final_sample))))
    left = np.clip((samples - 1 - start - np.arange(length)) / fade, 0, 1)
    return (np.sin(0.5 * np.pi * left) ** 2).astype(np.float32)
