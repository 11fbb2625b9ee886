"""The pitched instruments of the music engine: ranges, roles, and the synthesis settings of each.

Notes of all instruments have the same level, so that the score and the mix decide the balance, not the synthesis.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np

from ...cue import SAMPLE_RATE
from .dsp import StereoSignal, formant_response, remove_dc
from .instrument_synth import (
    synth_ensemble,
    synth_filtered_saw,
    synth_overdriven_guitar,
    synth_plucked_string,
    synth_solo,
    synth_struck_bar,
)

InstrumentRole = Literal["bass", "comp", "pad", "lead"]
NoteSynth = Callable[[float, int, int, float, np.random.Generator], StereoSignal]
"""A synthesis function with its settings. Takes the pitch in Hz, samples, samples held, velocity (0 to 1), random numbers."""

_NOTE_RMS = 0.1  # RMS of a note's loudest window
_RMS_WINDOW_SAMPLES = SAMPLE_RATE // 20  # 50 ms, the time over which the ear judges the loudness of an attack


@dataclass(frozen=True, slots=True)
class Instrument:
    """An instrument.

    Attributes:
        synth: renders one note.
        roles: roles in the arrangement, the best first.
        lowest_pitch: lowest MIDI pitch that sounds well.
        highest_pitch: highest MIDI pitch that sounds well.
        release_seconds: time that a note rings after its duration.
    """

    synth: NoteSynth
    roles: tuple[InstrumentRole, ...]
    lowest_pitch: int
    highest_pitch: int
    release_seconds: float

    def render_note(self, pitch: int, duration: int, velocity: float, seed: int) -> StereoSignal:
        """Return one note of `duration` samples and its release: (2, n). Velocity changes its brightness, not its level.

        The same arguments give the same samples.
        """
        rng = np.random.Generator(np.random.PCG64([seed, pitch, duration]))
        n = duration + round(self.release_seconds * SAMPLE_RATE)
        sound = remove_dc(self.synth(440.0 * 2 ** ((pitch - 69) / 12), n, duration, velocity, rng))
        starts = np.arange(0, n, _RMS_WINDOW_SAMPLES)
        power = np.add.reduceat(sound[0] ** 2 + sound[1] ** 2, starts) / (2 * np.diff(starts, append=n))
        sound *= np.float32(_NOTE_RMS / np.sqrt(max(float(power.max()), 1e-18)))
        return sound


# Resonances of bodies and of a vocal tract: (Hz, width in octaves, gain).
_WOOD = formant_response((280, 0.5, 0.8), (500, 0.4, 0.7), (1300, 0.6, 0.6), (2800, 0.5, 0.5), floor=0.25)
_AH = formant_response((650, 0.28, 1.0), (1080, 0.2, 0.7), (2700, 0.2, 0.25), (3400, 0.25, 0.15), floor=0.03)
_BELL = formant_response((1200, 0.7, 1.0), (2400, 0.6, 0.4), floor=0.2)
_REED = formant_response((550, 0.5, 0.9), (1400, 0.5, 0.8), (2900, 0.5, 0.3), floor=0.15)

INSTRUMENTS: dict[str, Instrument] = {
    "piano": Instrument(
        partial(
            synth_plucked_string,
            pluck_position=0.12,
            ring_seconds=1.5,
            damping=0.11,
            slope=1.5,
            stiffness=0.0003,
            strings=2,
        ),
        roles=("comp", "lead", "bass"),
        lowest_pitch=28,
        highest_pitch=96,
        release_seconds=0.4,
    ),
    "electric piano": Instrument(
        partial(
            synth_struck_bar,
            ratios=(1, 2, 3, 7.1, 14.2),
            levels=(1, 0.25, 0.1, 0.08, 0.06),
            ring_seconds=(1.8, 1.0, 0.7, 0.15, 0.06),
            tremolo=0.35,
            release=0.3,
        ),
        roles=("comp", "lead"),
        lowest_pitch=36,
        highest_pitch=90,
        release_seconds=0.3,
    ),
    "organ": Instrument(
        partial(
            synth_ensemble,
            voices=2,
            detune_cents=1.5,
            slope=0.9,
            attack=0.012,
            cutoff_hz=3000,
            release=0.08,
            sustain=1.0,
        ),
        roles=("comp", "pad", "lead"),
        lowest_pitch=36,
        highest_pitch=90,
        release_seconds=0.1,
    ),
    "guitar": Instrument(
        partial(
            synth_plucked_string,
            pluck_position=0.21,
            ring_seconds=1.1,
            damping=0.22,
            slope=1.3,
            attack_noise=0.12,
            release=0.25,
        ),
        roles=("comp", "lead"),
        lowest_pitch=40,
        highest_pitch=84,
        release_seconds=0.3,
    ),
    "electric guitar": Instrument(
        partial(synth_overdriven_guitar, intervals=(0, 7, 12), ring_seconds=2.5),
        roles=("comp",),
        lowest_pitch=40,
        highest_pitch=64,
        release_seconds=0.12,
    ),
    "lead guitar": Instrument(
        partial(synth_overdriven_guitar, intervals=(0,), ring_seconds=4.0),
        roles=("lead",),
        lowest_pitch=52,
        highest_pitch=88,
        release_seconds=0.15,
    ),
    "clean guitar": Instrument(
        partial(synth_plucked_string, pluck_position=0.1, ring_seconds=1.3, damping=0.16, slope=1.5, release=0.08),
        roles=("comp", "lead"),
        lowest_pitch=40,
        highest_pitch=86,
        release_seconds=0.12,
    ),
    "harp": Instrument(
        partial(
            synth_plucked_string,
            pluck_position=0.45,
            ring_seconds=1.3,
            damping=0.35,
            slope=1.4,
            attack_noise=0.03,
            release=0.8,
        ),
        roles=("comp", "lead"),
        lowest_pitch=36,
        highest_pitch=96,
        release_seconds=0.9,
    ),
    "pizzicato": Instrument(
        partial(
            synth_plucked_string,
            pluck_position=0.25,
            ring_seconds=0.22,
            damping=0.5,
            slope=1.2,
            attack_noise=0.15,
            release=0.2,
        ),
        roles=("comp", "bass", "lead"),
        lowest_pitch=36,
        highest_pitch=88,
        release_seconds=0.3,
    ),
    "strings": Instrument(
        partial(
            synth_ensemble,
            voices=6,
            detune_cents=9,
            slope=1.0,
            attack=0.22,
            resonance=_WOOD,
            bloom_seconds=0.25,
            release=0.6,
        ),
        roles=("pad", "lead"),
        lowest_pitch=40,
        highest_pitch=92,
        release_seconds=0.7,
    ),
    "spiccato": Instrument(
        partial(
            synth_ensemble,
            voices=5,
            detune_cents=8,
            slope=0.9,
            attack=0.02,
            resonance=_WOOD,
            decay=0.12,
            sustain=0.15,
            release=0.18,
        ),
        roles=("comp",),
        lowest_pitch=36,
        highest_pitch=88,
        release_seconds=0.2,
    ),
    "low strings": Instrument(
        partial(
            synth_ensemble,
            voices=4,
            detune_cents=5,
            slope=1.0,
            attack=0.09,
            resonance=_WOOD,
            cutoff_hz=3000,
            release=0.4,
        ),
        roles=("bass",),
        lowest_pitch=28,
        highest_pitch=60,
        release_seconds=0.5,
    ),
    "violin": Instrument(
        partial(synth_solo, slope=1.0, attack=0.09, vibrato_cents=18, resonance=_WOOD, harmonics=20, release=0.25),
        roles=("lead",),
        lowest_pitch=55,
        highest_pitch=96,
        release_seconds=0.3,
    ),
    "cello": Instrument(
        partial(synth_solo, slope=1.1, attack=0.08, vibrato_cents=14, resonance=_WOOD, harmonics=24, release=0.25),
        roles=("lead", "bass"),
        lowest_pitch=36,
        highest_pitch=76,
        release_seconds=0.3,
    ),
    "flute": Instrument(
        partial(synth_solo, slope=2.2, attack=0.06, vibrato_cents=14, harmonics=8, breath_noise=0.10),
        roles=("lead",),
        lowest_pitch=60,
        highest_pitch=96,
        release_seconds=0.15,
    ),
    "clarinet": Instrument(
        partial(synth_solo, slope=1.2, attack=0.05, vibrato_cents=4, even_share=0.12, harmonics=14, resonance=_REED),
        roles=("lead",),
        lowest_pitch=50,
        highest_pitch=90,
        release_seconds=0.12,
    ),
    "saxophone": Instrument(
        partial(
            synth_solo,
            slope=0.9,
            attack=0.04,
            vibrato_cents=14,
            resonance=_REED,
            breath_noise=0.05,
            scoop_cents=40,
            harmonics=18,
        ),
        roles=("lead",),
        lowest_pitch=46,
        highest_pitch=84,
        release_seconds=0.12,
    ),
    "trumpet": Instrument(
        partial(
            synth_solo, slope=0.7, attack=0.04, vibrato_cents=8, resonance=_BELL, rest_brightness=0.7, harmonics=18
        ),
        roles=("lead",),
        lowest_pitch=52,
        highest_pitch=86,
        release_seconds=0.12,
    ),
    "brass": Instrument(
        partial(
            synth_ensemble,
            voices=4,
            detune_cents=5,
            slope=0.8,
            attack=0.07,
            resonance=_BELL,
            bloom_seconds=0.1,
            cutoff_hz=3500,
            release=0.2,
        ),
        roles=("lead", "pad"),
        lowest_pitch=40,
        highest_pitch=84,
        release_seconds=0.25,
    ),
    "choir": Instrument(
        partial(
            synth_ensemble,
            voices=7,
            detune_cents=13,
            slope=0.6,
            attack=0.3,
            resonance=_AH,
            breath_noise=0.04,
            release=0.7,
        ),
        roles=("pad", "lead"),
        lowest_pitch=45,
        highest_pitch=84,
        release_seconds=0.8,
    ),
    "pad": Instrument(
        partial(
            synth_ensemble,
            voices=6,
            detune_cents=10,
            slope=1.15,
            attack=0.5,
            cutoff_hz=1600,
            bloom_seconds=1.2,
            release=1.0,
        ),
        roles=("pad",),
        lowest_pitch=36,
        highest_pitch=88,
        release_seconds=1.1,
    ),
    "synth": Instrument(
        partial(synth_solo, slope=1.0, attack=0.008, vibrato_cents=8, rest_brightness=0.8, harmonics=24, release=0.1),
        roles=("lead",),
        lowest_pitch=48,
        highest_pitch=92,
        release_seconds=0.12,
    ),
    "square synth": Instrument(
        partial(
            synth_solo,
            slope=1.0,
            attack=0.004,
            vibrato_cents=6,
            even_share=0.02,
            rest_brightness=0.95,
            harmonics=19,
            release=0.03,
        ),
        roles=("lead",),
        lowest_pitch=48,
        highest_pitch=96,
        release_seconds=0.04,
    ),
    "synth pluck": Instrument(
        partial(synth_filtered_saw, harmonic_damping=1.6, slope=0.9, decay=0.25),
        roles=("comp", "lead"),
        lowest_pitch=40,
        highest_pitch=92,
        release_seconds=0.15,
    ),
    "synth stab": Instrument(
        partial(
            synth_ensemble,
            voices=4,
            detune_cents=9,
            slope=0.9,
            attack=0.006,
            cutoff_hz=4500,
            decay=0.18,
            sustain=0.25,
            release=0.12,
        ),
        roles=("comp",),
        lowest_pitch=40,
        highest_pitch=86,
        release_seconds=0.15,
    ),
    "bells": Instrument(
        partial(
            synth_struck_bar,
            ratios=(1, 2.0, 2.76, 5.4, 8.9),
            levels=(1, 0.3, 0.45, 0.3, 0.12),
            ring_seconds=(2.2, 1.4, 0.9, 0.5, 0.25),
            release=1.6,
        ),
        roles=("lead", "comp"),
        lowest_pitch=60,
        highest_pitch=100,
        release_seconds=1.8,
    ),
    "music box": Instrument(
        partial(
            synth_struck_bar,
            ratios=(1, 3.0, 6.3, 11.5),
            levels=(1, 0.25, 0.3, 0.12),
            ring_seconds=(1.0, 0.5, 0.25, 0.1),
            release=0.9,
        ),
        roles=("lead", "comp"),
        lowest_pitch=64,
        highest_pitch=100,
        release_seconds=1.0,
    ),
    "vibraphone": Instrument(
        partial(
            synth_struck_bar,
            ratios=(1, 4.0, 10.0),
            levels=(1, 0.25, 0.08),
            ring_seconds=(2.2, 0.5, 0.12),
            tremolo=0.4,
            release=0.5,
        ),
        roles=("lead", "comp"),
        lowest_pitch=53,
        highest_pitch=89,
        release_seconds=0.6,
    ),
    "marimba": Instrument(
        partial(
            synth_struck_bar, ratios=(1, 3.9, 9.2), levels=(1, 0.3, 0.1), ring_seconds=(0.35, 0.09, 0.03), release=0.4
        ),
        roles=("lead", "comp", "bass"),
        lowest_pitch=40,
        highest_pitch=90,
        release_seconds=0.4,
    ),
    "bass": Instrument(
        partial(
            synth_plucked_string,
            pluck_position=0.17,
            ring_seconds=1.6,
            damping=0.45,
            slope=1.2,
            attack_noise=0.06,
            release=0.07,
        ),
        roles=("bass",),
        lowest_pitch=28,
        highest_pitch=55,
        release_seconds=0.1,
    ),
    "upright bass": Instrument(
        partial(
            synth_plucked_string,
            pluck_position=0.3,
            ring_seconds=0.65,
            damping=0.7,
            slope=1.3,
            attack_noise=0.2,
            release=0.1,
        ),
        roles=("bass",),
        lowest_pitch=28,
        highest_pitch=55,
        release_seconds=0.15,
    ),
    "synth bass": Instrument(
        partial(synth_filtered_saw, harmonic_damping=1.8, sub_level=0.3),
        roles=("bass",),
        lowest_pitch=28,
        highest_pitch=52,
        release_seconds=0.1,
    ),
    "sub bass": Instrument(
        partial(synth_filtered_saw, harmonic_damping=6.0, slope=2.2, decay=2.0),
        roles=("bass",),
        lowest_pitch=26,
        highest_pitch=48,
        release_seconds=0.12,
    ),
    "drone": Instrument(
        partial(
            synth_ensemble,
            voices=4,
            detune_cents=4,
            slope=1.3,
            attack=0.6,
            cutoff_hz=900,
            bloom_seconds=1.5,
            release=1.0,
            sustain=1.0,
        ),
        roles=("bass",),
        lowest_pitch=26,
        highest_pitch=52,
        release_seconds=1.1,
    ),
}
