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

from .arranger import STEMS, Note
from .drums import stroke
from .dsp import Sound, band
from .form import RATE
from .instruments import INSTRUMENTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Stems = dict[str, Sound]

CEILING_DB = -1.0
"""Peak the sum of the stems never goes above, in dBFS."""

_HOP = 32_768  # samples worked on at once
_TAIL = 4 * _HOP  # samples that the room rings at most
_INAUDIBLE = 1e-8  # share of the room's energy that is left out at its end
_KEPT_BYTES = 32 * 2**20  # of sounds that are wanted again
_BALANCE_DB = {
    "bass": -2.0,
    "chords": -4.0,
    "melody": -2.5,
    "percussion": -1.0,
}  # RMS of a stem while it plays, beside the others
_PANS = {"bass": 0.0, "chords": -0.12, "melody": 0.1, "percussion": 0.0}
_SENDS = {"bass": 0.12, "chords": 1.0, "melody": 1.0, "percussion": 0.5}  # share of the room's level
_TOUCHES = 4
_NODE = 64  # samples between the limiter's gain points
_REACH = 16  # gain points that the minimum and the smoothing each look to either side
_SHORTEST_FADE = RATE // 100
_LONGEST_FADE = 5 * RATE // 2


_Key = tuple[tuple[str, str], int, int, float]  # sound, pitch, samples held, touch


def _key(note: Note) -> _Key:
    """What decides how a note sounds but for its loudness: its velocity counts in four steps of brightness."""
    return note.sound, note.pitch, note.held, max(1, round(note.velocity * _TOUCHES)) / _TOUCHES


def _loudness(note: Note) -> float:
    return float(note.velocity**1.5)


class _Wave(NamedTuple):
    """A sound as kept: whole numbers (2, n) and what one is worth, its rounding 98 dB below its peak and half the memory."""

    steps: npt.NDArray[np.int16]
    worth: float


class _Player:
    """Makes the sounds of notes: first each that is needed once, to be measured, then all of them as they are played.

    As what will be asked for is known, those are kept, within a bound, that are wanted again soonest.
    """

    def __init__(self, notes: tuple[Note, ...], seed: int) -> None:
        self._seed = seed
        self._kept: dict[_Key, _Wave] = {}
        self._size = 0
        played = [_key(note) for note in notes]
        self._wanted: dict[_Key, deque[int]] = {key: deque([at]) for at, key in enumerate(dict.fromkeys(played))}
        for at, key in enumerate(played, len(self._wanted)):
            self._wanted[key].append(at)

    def sound(self, note: Note) -> _Wave:
        """The next sound in that order."""
        key = _key(note)
        self._wanted[key].popleft()
        made = self._kept.pop(key, None)
        if made is None:
            made = self._made(key)
        else:
            self._size -= made.steps.nbytes
        if self._wanted[key]:
            self._kept[key] = made
            self._size += made.steps.nbytes
            while self._size > _KEPT_BYTES:
                last = max(self._kept, key=lambda each: self._wanted[each][0])
                self._size -= self._kept.pop(last).steps.nbytes
        return made

    def _made(self, key: _Key) -> _Wave:
        (name, drum), pitch, held, touch = key
        instrument = INSTRUMENTS.get(name)
        sound = (
            instrument.note(pitch, held, touch, self._seed)
            if instrument
            else stroke(name, drum, touch, self._seed, pitch)
        )
        worth = max(float(sound.max()), -float(sound.min()), 1e-9) / np.iinfo(np.int16).max
        sound *= np.float32(1 / worth)
        return _Wave(np.rint(sound, out=sound).astype(np.int16), worth)


class _Room:
    """A reverberation: decaying noise, darker as it dies, as the spectra of its hops, one after the other.

    `hall` is the time it takes to fall by 60 dB (s), `level` its loudness beside a steady dry sound.
    """

    def __init__(self, hall: float, level: float, seed: int) -> None:
        n = _TAIL
        t = np.arange(n) / RATE
        rng = np.random.Generator(np.random.PCG64([seed, 7]))
        frequencies = np.arange(n // 2 + 1, dtype=np.float64) * (RATE / n)
        tail = np.zeros((2, n))
        for low, high, share, length in ((160, 700, 1.0, 1.0), (700, 3000, 0.9, 0.85), (3000, 9000, 0.5, 0.45)):
            spectrum = np.fft.rfft(rng.random((2, n)) - 0.5) * band(low, high)(frequencies)
            tail += share * np.fft.irfft(spectrum, n) * 10 ** (-3 * t / (hall * length))
        early = np.minimum(1, np.maximum(0, t - 0.012) / 0.03)
        tail *= early * np.sin(0.5 * np.pi * np.clip(2 * (1 - np.arange(n) / n), 0, 1)) ** 2
        response = np.fft.rfft(tail, 2 * n)
        heard = slice(round(200 / RATE * 2 * n), round(3000 / RATE * 2 * n))
        tail *= level / np.sqrt(np.mean(np.abs(response[:, heard]) ** 2))
        hops = tail.reshape(2, -1, _HOP).transpose(1, 0, 2)
        left = np.cumsum((hops**2).sum(axis=(1, 2))[::-1])[::-1]
        audible = max(1, int(np.count_nonzero(left > _INAUDIBLE * left[0])))
        self.hops = np.fft.rfft(hops[:audible], 2 * _HOP).astype(np.complex64)
        self.energy = level**2


class _Echo:
    """What one stem sounds like in a room, continuous from hop to hop."""

    def __init__(self, room: _Room) -> None:
        self._room = room
        self._sent: deque[npt.NDArray[np.complex64]] = deque(maxlen=len(room.hops))
        self._over = np.zeros((2, _HOP), np.float32)
        self._part = np.empty_like(room.hops[0])

    def wet(self, send: npt.NDArray[np.float32]) -> Sound:
        """The room's answer (2, hop) to the next hop (mono)."""
        self._sent.appendleft(np.fft.rfft(send, 2 * _HOP).astype(np.complex64))
        total = np.zeros_like(self._part)
        for hop, sent in zip(self._room.hops, self._sent, strict=False):
            total += np.multiply(hop, sent, out=self._part)
        answer = np.fft.irfft(total, 2 * _HOP).astype(np.float32)
        now: Sound = answer[:, :_HOP] + self._over
        self._over = answer[:, _HOP:].copy()
        return now


def mix(
    notes: tuple[Note, ...], samples: int, *, final: int, bar: int, loudness: float, hall: float, room: float, seed: int
) -> Iterator[Stems]:
    """Consecutive hops of every stem, `samples` in all.

    `final` is the sample of the last chord, `bar` a bar's samples, `loudness` the RMS in dBFS that the whole is brought
    to before the limiter, `hall` and `room` the reverberation's length (s) and level (0 to 1).
    """
    player = _Player(notes, seed)
    space = _Room(hall, room, seed)
    gains = _gains(notes, player, samples, bar=bar, loudness=loudness, wet=space.energy)
    for at, stems in _limited(_dry_and_wet(notes, samples, player, space, gains)):
        length = min(_HOP, samples - at)
        ending = _ending(samples, final, at, length)
        yield {name: np.ascontiguousarray((stems[index, :, :length] * ending).T) for index, name in enumerate(STEMS)}


def _gains(
    notes: tuple[Note, ...], player: _Player, samples: int, *, bar: int, loudness: float, wet: float
) -> Mapping[str, float]:
    """Each stem's gain: balanced by their RMS over the bars in which they play, then brought to the piece's loudness.

    Energies of notes add up, as notes that differ are uncorrelated; each distinct sound is measured once.
    """
    energy = dict.fromkeys(STEMS, 0.0)
    bars: dict[str, set[int]] = {name: set() for name in STEMS}
    measured: dict[_Key, float] = {}
    for note in notes:
        key = _key(note)
        if key not in measured:
            wave = player.sound(note)
            left, right = wave.steps[:, : samples - note.start].astype(np.float32)
            measured[key] = float(left @ left + right @ right) / 2 * wave.worth**2
        energy[note.stem] += measured[key] * _loudness(note) ** 2
        bars[note.stem].update(range(note.start // bar, (min(samples, note.start + note.held) - 1) // bar + 1))
    gains = dict.fromkeys(STEMS, 0.0)
    total = 0.0
    for name in STEMS:
        if energy[name] > 0:
            playing = min(samples, len(bars[name]) * bar)
            gains[name] = 10 ** (_BALANCE_DB[name] / 20) / np.sqrt(energy[name] / playing)
            total += gains[name] ** 2 * energy[name] * (1 + wet * _SENDS[name] ** 2)
    scale = 10 ** (loudness / 20) / np.sqrt(max(total, 1e-12) / samples)
    return {name: float(gain * scale) for name, gain in gains.items()}


def _dry_and_wet(
    notes: tuple[Note, ...], samples: int, player: _Player, space: _Room, gains: Mapping[str, float]
) -> Iterator[npt.NDArray[np.float32]]:
    """Hops (stems, 2, hop) with the room, before the limiter; as many as cover the samples."""
    echoes = [_Echo(space) for _ in STEMS]
    ringing: list[tuple[int, int, _Wave, float]] = []
    coming = iter(notes)
    note = next(coming, None)
    for at in range(0, samples, _HOP):
        hop = np.zeros((len(STEMS), 2, _HOP), dtype=np.float32)
        while note is not None and note.start < at + _HOP:
            ringing.append((STEMS.index(note.stem), note.start, player.sound(note), _loudness(note)))
            note = next(coming, None)
        for stem, start, (steps, worth), loudness in ringing:
            first, last = max(at, start), min(at + _HOP, start + steps.shape[1])
            hop[stem, :, first - at : last - at] += steps[:, first - start : last - start] * np.float32(
                worth * loudness
            )
        ringing = [item for item in ringing if item[1] + item[2].steps.shape[1] > at + _HOP]
        for index, name in enumerate(STEMS):
            if gains[name]:
                angle = np.pi / 4 * (1 + _PANS[name])
                for side, share in enumerate((np.cos(angle), np.sin(angle))):
                    hop[index, side] *= np.float32(gains[name] * np.sqrt(2) * share)
                hop[index] += echoes[index].wet((hop[index, 0] + hop[index, 1]) * np.float32(0.5 * _SENDS[name]))
        yield hop


def _limited(hops: Iterator[npt.NDArray[np.float32]]) -> Iterator[tuple[int, npt.NDArray[np.float32]]]:
    """Hops with their first sample, turned down around every peak of their sum, within 44 ms either side of it.

    The gain is one for all stems: a smoothed running minimum of what the peaks around a point ask for, and so never
    above what they need.
    """
    ceiling = 10 ** (CEILING_DB / 20) * (1 - 1e-4)
    points = _HOP // _NODE
    margin = 2 * _REACH + 1
    window = np.hanning(margin + 2)[1:-1]
    window /= window.sum()
    held: npt.NDArray[np.float32] | None = None
    past = now = np.ones(margin)
    index = 0
    for hop in chain(hops, (None,)):
        if hop is None:
            coming = np.ones(margin)
        else:
            peaks = np.abs(hop.sum(axis=0)).max(axis=0).reshape(points, _NODE).max(axis=1)
            coming = np.minimum(1.0, ceiling / np.maximum(peaks.astype(np.float64), 1e-9))
        if held is not None:
            asked = np.concatenate((past, now, coming[:margin]))
            lowest = np.lib.stride_tricks.sliding_window_view(asked, margin + 1).min(axis=1)
            nodes = np.convolve(lowest, window, mode="valid")
            gain = np.interp(np.arange(_HOP) / _NODE, np.arange(points + 1), nodes).astype(np.float32)
            yield index * _HOP, held * gain
            index += 1
            past = now[-margin:]
        held, now = hop, coming


def _ending(samples: int, final: int, at: int, length: int) -> npt.NDArray[np.float32]:
    """The gain of `length` samples from `at` on: the last chord is led to silence, the last sample is zero."""
    fade = max(_SHORTEST_FADE, min(_LONGEST_FADE, round(0.6 * (samples - final))))
    left = np.clip((samples - 1 - at - np.arange(length)) / fade, 0, 1)
    return (np.sin(0.5 * np.pi * left) ** 2).astype(np.float32)
