"""Mixes notes to stems: renders their sounds, balances the stems, adds reverb, shapes the level, and limits the sum.

It works in hops of a fixed length, so that memory does not grow with the piece and the samples do not depend on the block
size of the caller. The mix is made once to measure its loudness, kept in `_HopSpool`, and read back at its final level.
"""

from __future__ import annotations

import tempfile
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ...cue import SAMPLE_RATE
from ...listening.limiter import limiter_gains
from ...listening.loudness import SILENCE_LUFS, LoudnessMeter
from ..convolution import ConvolutionReverb, partition_response
from ..dsp import db_to_gain, fft_frequencies, pan_gains
from .drums import render_stroke
from .dsp import StereoSignal, add_treble, bandpass_response
from .instruments import INSTRUMENTS
from .score import STEM_NAMES, Note

Stems = dict[str, StereoSignal]

LOUDNESS_LUFS = -20.0
"""Integrated loudness of the sum of the stems: that of a temp score, with headroom for what is mixed over it."""
CEILING_DB = -1.0
"""Highest true peak of the sum of the stems, dBTP."""

_HOP_SAMPLES = 32_768  # 0.68 s: long enough for efficient transforms, short enough for little memory
_TAIL_SAMPLES = 4 * _HOP_SAMPLES  # longest reverb, 2.7 s
_INAUDIBLE_ENERGY_SHARE = 1e-8  # share of the reverb's energy (-80 dB) that is cut off at its end
_SOUND_CACHE_BYTES = 32 * 2**20  # bound on the sounds that are kept for reuse
_SPOOL_BYTES = 16 * 2**20  # about 20 s of mix in memory; the rest goes to a temporary file
_BALANCE_DB = {
    "bass": -2.0,
    "chords": -4.0,
    "melody": -2.5,
    "percussion": -1.0,
}  # RMS of each stem while it plays, relative to the others
_PANS = {"bass": 0.0, "chords": -0.12, "melody": 0.1, "percussion": 0.0}
_REVERB_SENDS = {
    "bass": 0.12,
    "chords": 1.0,
    "melody": 1.0,
    "percussion": 0.5,
}  # reverb per stem: a reverberant bass muddies the mix
_BRIGHTNESS_STEPS = 4  # velocities that sound different apart from their level; more would defeat the cache
_LIMITER_LOOKAHEAD_SAMPLES = 1024  # 21 ms: music has long low notes, whose waves a faster gain would bend
_MIN_FADE_SAMPLES = SAMPLE_RATE // 100
_MAX_FADE_SAMPLES = 5 * SAMPLE_RATE // 2


_SoundKey = tuple[tuple[str, str], int, int, float]  # sound, pitch, duration in samples, brightness


def _sound_key(note: Note) -> _SoundKey:
    """Return everything that decides the sound of a note apart from its level; velocity counts as a step of brightness."""
    return note.sound, note.pitch, note.duration, max(1, round(note.velocity * _BRIGHTNESS_STEPS)) / _BRIGHTNESS_STEPS


def _velocity_gain(note: Note) -> float:
    return float(note.velocity**1.5)  # between linear and square: velocity 0.5 is 9 dB softer


class _QuantizedSound(NamedTuple):
    """A cached sound: 16-bit samples (2, n) and their scale. Half the memory of float32, with noise 98 dB below the peak."""

    pcm: npt.NDArray[np.int16]
    scale: float


class SampleCache:
    """Renders the sounds of notes and keeps those that are needed again, within a bound.

    The order of requests is known in advance: each distinct sound once, for measuring, then the sound of every note in
    order. So the cache evicts the sound whose next use is farthest away, which is optimal (Belady).
    """

    def __init__(self, notes: tuple[Note, ...], seed: int, treble: float) -> None:
        self._seed = seed
        self._treble = treble
        self._cache: dict[_SoundKey, _QuantizedSound] = {}
        self._cache_bytes = 0
        keys = [_sound_key(note) for note in notes]
        self._uses: dict[_SoundKey, deque[int]] = {key: deque([at]) for at, key in enumerate(dict.fromkeys(keys))}
        for at, key in enumerate(keys, len(self._uses)):
            self._uses[key].append(at)

    def next_sound(self, note: Note) -> _QuantizedSound:
        """Return the sound of a note. Requests must come in the order described above."""
        key = _sound_key(note)
        self._uses[key].popleft()
        sound = self._cache.pop(key, None)
        if sound is None:
            sound = self._render(key)
        else:
            self._cache_bytes -= sound.pcm.nbytes
        if self._uses[key]:
            self._cache[key] = sound
            self._cache_bytes += sound.pcm.nbytes
            while self._cache_bytes > _SOUND_CACHE_BYTES:
                farthest = max(self._cache, key=lambda each: self._uses[each][0])
                self._cache_bytes -= self._cache.pop(farthest).pcm.nbytes
        return sound

    def _render(self, key: _SoundKey) -> _QuantizedSound:
        (name, drum), pitch, duration, brightness = key
        instrument = INSTRUMENTS.get(name)
        sound = (
            instrument.render_note(pitch, duration, brightness, self._seed)
            if instrument
            else render_stroke(name, drum, brightness, self._seed, pitch)
        )
        if instrument:
            add_treble(sound, self._treble)
        scale = max(float(sound.max()), -float(sound.min()), 1e-9) / np.iinfo(np.int16).max
        sound *= np.float32(1 / scale)
        return _QuantizedSound(np.rint(sound, out=sound).astype(np.int16), scale)


class ReverbImpulse:
    """The impulse response of a reverb, as the spectra of its hops.

    It is decaying noise whose high frequencies decay sooner. `reverb_seconds` is the time in which it falls by 60 dB,
    `level` its RMS gain for a steady sound.
    """

    def __init__(self, reverb_seconds: float, level: float, seed: int) -> None:
        n = _TAIL_SAMPLES
        t = np.arange(n) / SAMPLE_RATE
        rng = np.random.Generator(np.random.PCG64([seed, 7]))
        frequencies = fft_frequencies(n)
        tail = np.zeros((2, n))
        # Three bands (lowest and highest Hz, level, share of the reverberation time): air and walls absorb treble first.
        for low, high, share, length in ((160, 700, 1.0, 1.0), (700, 3000, 0.9, 0.85), (3000, 9000, 0.5, 0.45)):
            spectrum = np.fft.rfft(rng.random((2, n)) - 0.5) * bandpass_response(low, high)(frequencies)
            tail += share * np.fft.irfft(spectrum, n) * 10 ** (-3 * t / (reverb_seconds * length))
        # A pre-delay of 12 ms and a rise of 30 ms keep the attacks dry; a sine window ends the tail at zero.
        early = np.minimum(1, np.maximum(0, t - 0.012) / 0.03)
        tail *= early * np.sin(0.5 * np.pi * np.clip(2 * (1 - np.arange(n) / n), 0, 1)) ** 2
        # Level is the gain between 200 Hz and 3 kHz, where loudness is perceived.
        response = np.fft.rfft(tail, 2 * n)
        audible_bins = slice(round(200 / SAMPLE_RATE * 2 * n), round(3000 / SAMPLE_RATE * 2 * n))
        tail *= level / np.sqrt(np.mean(np.abs(response[:, audible_bins]) ** 2))
        hops = tail.reshape(2, -1, _HOP_SAMPLES).transpose(1, 0, 2)
        # Hops with no audible energy in them or after them are dropped: a short reverb costs less.
        remaining = np.cumsum((hops**2).sum(axis=(1, 2))[::-1])[::-1]
        audible = max(1, int(np.count_nonzero(remaining > _INAUDIBLE_ENERGY_SHARE * remaining[0])))
        self.spectra = partition_response(tail[:, : audible * _HOP_SAMPLES], _HOP_SAMPLES)


class _HopSpool:
    """Keeps hops for reading them again, as 16-bit samples with a scale for each channel of each stem."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES)  # noqa: SIM115  closed after reading
        self._scales: list[npt.NDArray[np.float32]] = []

    def append(self, hop: npt.NDArray[np.float32]) -> None:
        """Keep a hop, (stems, 2, hop)."""
        scale = np.maximum(np.abs(hop).max(axis=2, keepdims=True), np.float32(1e-9)) / np.iinfo(np.int16).max
        self._scales.append(scale)
        scaled = hop * (1 / scale)
        self._file.write(np.rint(scaled, out=scaled).astype(np.int16).tobytes())

    def read_all(self, gain: np.float32) -> Iterator[npt.NDArray[np.float32]]:
        """Yield all hops in order, times a gain, and delete them."""
        with self._file as file:
            file.seek(0)
            for scale in self._scales:
                size = 2 * len(scale) * 2 * _HOP_SAMPLES
                yield np.frombuffer(file.read(size), np.int16).reshape(len(scale), 2, _HOP_SAMPLES) * (scale * gain)


def mix_stems(
    notes: tuple[Note, ...],
    samples: int,
    *,
    final_sample: int,
    bar_samples: int,
    level_points: Sequence[tuple[int, float]],
    reverb_seconds: float,
    reverb_level: float,
    treble: float,
    percussion_db: float,
    seed: int,
) -> Iterator[Stems]:
    """Yield consecutive hops of every stem, `samples` samples in all, each stem (n, 2).

    Args:
        notes: the notes by their start.
        samples: length of the piece.
        final_sample: start of the final chord.
        bar_samples: length of a bar.
        level_points: samples and the gain there in dB, for a crescendo or diminuendo of the whole.
        reverb_seconds: reverberation time.
        reverb_level: level of the reverb, 0 to 1.
        treble: lift of the treble of the pitched instruments, see `add_treble`.
        percussion_db: level of the percussion, relative to the usual balance.
        seed: seed of sounds and reverb.
    """
    cache = SampleCache(notes, seed, treble)
    impulse = ReverbImpulse(reverb_seconds, reverb_level, seed)
    gains = _stem_gains(notes, cache, samples, bar_samples=bar_samples)
    gains["percussion"] *= db_to_gain(percussion_db)
    spool, meter = _HopSpool(), LoudnessMeter()
    for index, hop in enumerate(_mix_hops(notes, samples, cache, impulse, gains)):
        at = index * _HOP_SAMPLES
        for curve in (_level_curve(level_points, at), _final_fade(samples, final_sample, at)):
            if curve is not None:
                np.multiply(hop, curve, out=hop)
        meter.add(hop.sum(axis=0)[:, : samples - at])
        spool.append(hop)
    loudness = meter.integrated_lufs()
    gain = np.float32(db_to_gain(LOUDNESS_LUFS - loudness) if loudness > SILENCE_LUFS else 1.0)
    for at, stems in _limit(spool.read_all(gain)):
        yield {name: np.ascontiguousarray(stems[index, :, : samples - at].T) for index, name in enumerate(STEM_NAMES)}


def _level_curve(points: Sequence[tuple[int, float]], start: int) -> npt.NDArray[np.float32] | None:
    """Return the gain of a hop from `start` on, None where it is one throughout."""
    if not any(decibels for _, decibels in points):
        return None
    at = np.arange(start, start + _HOP_SAMPLES)
    decibels: npt.NDArray[np.float64] = np.interp(at, *np.array(points).T)
    return db_to_gain(decibels).astype(np.float32)


def _stem_gains(
    notes: tuple[Note, ...],
    cache: SampleCache,
    samples: int,
    *,
    bar_samples: int,
) -> dict[str, float]:
    """Return the gain of each stem: balanced by RMS over the bars in which it plays.

    The energies of notes add up, because different notes are uncorrelated. Each distinct sound is measured once.
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
    return {
        name: float(db_to_gain(_BALANCE_DB[name]) * np.sqrt(min(samples, len(bars[name]) * bar_samples) / energy[name]))
        if energy[name] > 0
        else 0.0
        for name in STEM_NAMES
    }


def _mix_hops(
    notes: tuple[Note, ...], samples: int, cache: SampleCache, impulse: ReverbImpulse, gains: Mapping[str, float]
) -> Iterator[npt.NDArray[np.float32]]:
    """Yield hops (stems, 2, hop) with reverb, before the limiter; as many as cover the samples."""
    reverbs = [ConvolutionReverb(impulse.spectra) for _ in STEM_NAMES]
    ringing: list[tuple[int, int, _QuantizedSound, float]] = []
    coming = iter(notes)
    note = next(coming, None)
    for at in range(0, samples, _HOP_SAMPLES):
        hop = np.zeros((len(STEM_NAMES), 2, _HOP_SAMPLES), dtype=np.float32)
        while note is not None and note.start < at + _HOP_SAMPLES:
            ringing.append((STEM_NAMES.index(note.stem), note.start, cache.next_sound(note), _velocity_gain(note)))
            note = next(coming, None)
        for stem, start, (pcm, scale), gain in ringing:
            first, last = max(at, start), min(at + _HOP_SAMPLES, start + pcm.shape[1])
            hop[stem, :, first - at : last - at] += pcm[:, first - start : last - start] * np.float32(scale * gain)
        ringing = [item for item in ringing if item[1] + item[2].pcm.shape[1] > at + _HOP_SAMPLES]
        for index, name in enumerate(STEM_NAMES):
            if gains[name]:
                # The stem is stereo already: its channels are balanced, and the root of 2 makes the centre a gain of 1.
                for side, share in enumerate(pan_gains(_PANS[name])):
                    hop[index, side] *= np.float32(gains[name] * np.sqrt(2) * share)
                hop[index] += reverbs[index].process(
                    (hop[index, 0] + hop[index, 1]) * np.float32(0.5 * _REVERB_SENDS[name])
                )
        yield hop


def _limit(hops: Iterator[npt.NDArray[np.float32]]) -> Iterator[tuple[int, npt.NDArray[np.float32]]]:
    """Yield each hop and its first sample, with the gain of all stems reduced around every peak of their sum."""
    # 0.1 dB for what the gain itself adds between two samples, and for rounding.
    ceiling = db_to_gain(CEILING_DB - 0.1)
    waiting: deque[npt.NDArray[np.float32]] = deque()

    def sums() -> Iterator[npt.NDArray[np.float32]]:
        for hop in hops:
            waiting.append(hop)
            yield hop.sum(axis=0).T

    gains = limiter_gains(sums(), ceiling, between_samples=True, lookahead=_LIMITER_LOOKAHEAD_SAMPLES)
    for index, gain in enumerate(gains):
        hop = waiting.popleft()
        if gain is not None:
            hop *= gain
        yield index * _HOP_SAMPLES, hop


def _final_fade(samples: int, final_sample: int, start: int) -> npt.NDArray[np.float32] | None:
    """Return the gain of the hop from `start` on, which fades out the final chord; the last sample is zero.

    It is None where the fade has not begun.
    """
    # 60 % of the final chord, within 10 ms and 2.5 s.
    fade = max(_MIN_FADE_SAMPLES, min(_MAX_FADE_SAMPLES, round(0.6 * (samples - final_sample))))
    if samples - 1 - start - _HOP_SAMPLES > fade:
        return None
    remaining = np.clip((samples - 1 - start - np.arange(_HOP_SAMPLES)) / fade, 0, 1)
    return (np.sin(0.5 * np.pi * remaining) ** 2).astype(np.float32)
