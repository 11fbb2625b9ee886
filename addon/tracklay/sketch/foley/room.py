"""The rooms that events sound in: reverberation, early reflections and echoes, and the tone that lies under the take.

A room's response is synthesized: decaying noise whose treble decays sooner, with single reflections before it. Times are
those of real places of the kind: a furnished room 0.3 s, a tiled bathroom 0.7 s, a bare hall 1.1 s, a church 2.5 s (Kuttruff,
Room Acoustics). Outdoors there is no room; what comes back is sparse echoes and a dull, late tail.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from ...cue import SAMPLE_RATE
from ..convolution import ConvolutionReverb, partition_response
from ..dsp import db_to_gain, pan_gains
from .ambience import BLOCK_SAMPLES
from .noise import Mono, shaped_noise

if TYPE_CHECKING:
    from .noise import SpectrumShape

Stereo = npt.NDArray[np.float32]

_INTERAURAL_DELAY_SAMPLES = 12
"""Delay of the far ear for a sound at the picture's edge, 0.25 ms: that of a source about 30 degrees to the side."""
_NEPERS_OF_60_DB = 6.9078
_TREBLE_SPLIT_HZ = 3000.0


@dataclass(frozen=True, slots=True)
class Room:
    """One kind of place.

    Attributes:
        tone: the name of its tone for `room_tones.room_tone_for`.
        reverb_seconds: time in which the reverberation falls by 60 dB.
        treble_share: the same for what is above 3 kHz, as a share of `reverb_seconds`.
        level_db: energy of the response, of both channels together, relative to the direct sound's, dB.
        delay_seconds: time until the first reflection.
        reflections: number of single reflections before the noise.
        reflection_seconds: time over which they come.
        reflection_level: their peak, relative to the noise's standard deviation at its start.
        spectrum: spectrum of the response.
    """

    tone: str
    reverb_seconds: float
    treble_share: float
    level_db: float
    delay_seconds: float
    reflections: int
    reflection_seconds: float
    reflection_level: float
    spectrum: SpectrumShape


_SOFT = ((120, -12), (300, 0), (1500, 0), (4000, -5), (10000, -14), (20000, -26))
_BRIGHT = ((120, -14), (300, -2), (1500, 0), (4000, 0), (10000, -6), (20000, -18))
_DARK = ((60, -8), (150, 0), (700, -2), (2000, -9), (5000, -22), (12000, -44))

ROOMS: Final[Mapping[str, Room]] = {
    "small": Room("room", 0.28, 0.8, -17, 0.004, 9, 0.035, 3, _SOFT),
    "tiled": Room("bathroom", 0.7, 0.8, -12, 0.004, 14, 0.04, 3.5, _BRIGHT),
    "large": Room("hall", 1.1, 0.6, -14, 0.012, 12, 0.08, 3, _SOFT),
    "hall": Room("hall", 2.5, 0.5, -12, 0.022, 12, 0.12, 2.5, _SOFT),
    "street": Room("distant street", 0.8, 0.5, -18, 0.025, 7, 0.22, 9, _SOFT),
    "outdoors": Room("outdoor", 1.3, 0.35, -21, 0.06, 6, 0.45, 6, _DARK),
}
"""The rooms by name."""


@cache
def room_spectra(name: str) -> npt.NDArray[np.complex64]:
    """Return the response of a room for `ConvolutionReverb`: (hops, 2, bins), hops of BLOCK_SAMPLES."""
    return partition_response(_room_response(ROOMS[name]), BLOCK_SAMPLES)


def _room_response(room: Room) -> npt.NDArray[np.float64]:
    """Return a room's impulse response: (2, samples), without the direct sound."""
    rng = np.random.default_rng(SAMPLE_RATE)
    delay = round(room.delay_seconds * SAMPLE_RATE)
    # Beyond 45 dB below its start the response is under every room tone.
    count = round(room.reverb_seconds * 45 / 60 * SAMPLE_RATE) // 2 * 2
    seconds = np.arange(count) / SAMPLE_RATE
    treble = tuple((hertz, level if hertz > _TREBLE_SPLIT_HZ else level - 40) for hertz, level in room.spectrum)
    bass = tuple((hertz, level if hertz <= _TREBLE_SPLIT_HZ else level - 40) for hertz, level in room.spectrum)
    tail = np.zeros((2, count))
    for spectrum, share in ((bass, 1.0), (treble, room.treble_share)):
        decay = np.exp(-_NEPERS_OF_60_DB / (room.reverb_seconds * share) * seconds)
        weight = db_to_gain(max(level for _, level in spectrum))
        tail += np.stack([shaped_noise(spectrum, count, rng) for _ in range(2)]) * decay * weight
    # The noise grows dense only after the first reflections.
    rise = max(round(0.5 * room.reflection_seconds * SAMPLE_RATE), 1)
    tail[:, :rise] *= np.linspace(0.2, 1, min(rise, count))
    last = round(room.reflection_seconds * SAMPLE_RATE)
    for at in rng.integers(0, min(last, count - 64), room.reflections):
        peak = rng.choice((-1, 1)) * room.reflection_level * rng.uniform(0.5, 1.3) * np.exp(-1.5 * at / last)
        # A wall reflects treble less: a short hump instead of a single sample.
        hump = np.hanning(5 if room.treble_share > 0.5 else 17)
        tail[rng.integers(2), at : at + len(hump)] += peak * hump / np.sqrt((hump**2).sum())
    fade = count // 8
    tail[:, -fade:] *= np.linspace(1, 0, fade)
    tail *= db_to_gain(room.level_db) / np.sqrt((tail**2).sum())
    return np.concatenate([np.zeros((2, delay)), tail], axis=1)


class RoomReverb:
    """The reverberation of one room over all sounds of a take. It costs nothing while the room is silent."""

    def __init__(self, name: str) -> None:
        self._spectra = room_spectra(name)
        self._reverb = ConvolutionReverb(self._spectra)
        self._sounding_blocks = 0

    def add_to(self, block: Stereo, send: Mono) -> None:
        """Add the reverberation of a block's sounds, (BLOCK_SAMPLES,), to the block, (BLOCK_SAMPLES, 2)."""
        if send.any():
            self._sounding_blocks = len(self._spectra) + 1
        if self._sounding_blocks:
            block += self._reverb.process(send).T
            self._sounding_blocks -= 1
            if not self._sounding_blocks:  # what is left is rounding
                self._reverb = ConvolutionReverb(self._spectra)


def pan_sound(mono: Mono, x: float) -> Stereo:
    """Return `mono` panned to `x` (-1 to 1) at equal power, and slightly later in the far ear."""
    far_ear_delay = round(abs(x) * _INTERAURAL_DELAY_SAMPLES)
    left, right = pan_gains(x)
    stereo = stereo_silence(len(mono) + far_ear_delay)
    for channel, (gain, delay) in enumerate(((left, far_ear_delay * (x > 0)), (right, far_ear_delay * (x < 0)))):
        np.multiply(mono, np.float32(gain), out=stereo[delay : delay + len(mono), channel])
    return stereo


def stereo_silence(samples: int) -> Stereo:
    """Return (samples, 2) zeros in column order: with each channel contiguous, adding a sound is three times faster."""
    return np.zeros((2, samples), np.float32).T
