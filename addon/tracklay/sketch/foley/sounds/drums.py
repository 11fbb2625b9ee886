"""Drums, cymbals and hands."""

from __future__ import annotations

from typing import Final

from .layers import BurstLayer, ModeLayer
from .recipe import SoundClass

_MEMBRANE = (1.0, 1.593, 2.136, 2.296, 2.653, 2.918, 3.156, 3.501, 3.600, 4.060)
"""Ideal circular membrane: zeros of the Bessel functions J_m over the first, 2.405."""
_CYMBAL = tuple(1.0 + 0.41 * n + 0.013 * n * n for n in range(40))
"""Modes of a thin dome, dense and close to evenly spaced from the tenth on (Rossing, Science of Percussion Instruments)."""

DRUMS: Final = {
    "kick_drum": SoundClass(
        (
            ModeLayer(
                54,
                (1.0, 1.6, 2.2),
                (14, 0.06),
                0.004,
                0.0,
                tilt=1.6,
                glide=0.7,
                glide_seconds=0.02,
                size_power=0.15,
                rise=0.008,
                detune=0.06,
            ),
            BurstLayer(((40, 0), (90, -2), (250, -14), (900, -24), (3500, -26), (9000, -40)), 0.02, -11.0, rise=0.002),
        ),
        -19.0,
        ring_share=0.6,
    ),
    "snare": SoundClass(
        (
            ModeLayer(
                185,
                _MEMBRANE[:6],
                (17, 0.025),
                0.0006,
                0.0,
                tilt=0.8,
                glide=0.12,
                size_power=0.15,
                detune=0.06,
                rise=0.0006,
            ),
            BurstLayer(
                ((150, -14), (500, -6), (1800, -1), (5000, 0), (10000, -3), (17000, -12)),
                0.17,
                -11.5,
                rise=0.0006,
                hold=0.002,
                cutoff_hz=13000,
            ),
            BurstLayer(((200, -6), (800, 0), (3000, -4), (9000, -14)), 0.007, -2.0),
        ),
        -18.0,
        ring_share=0.8,
    ),
    "hihat": SoundClass(
        (
            ModeLayer(
                2300, _CYMBAL[:24], (26, 0.001), 0.00002, -2.0, tilt=-0.3, spread=0.01, size_power=0.1, detune=0.05
            ),
            BurstLayer(((120, -14), (400, -2), (1200, 0), (3500, -4)), 0.02, -11.0),
            BurstLayer(
                ((1500, -26), (4000, -12), (7500, -1), (11000, 0), (16000, -4)),
                0.07,
                -1.0,
                rise=0.0008,
                cutoff_hz=18000,
                softness=0.6,
            ),
        ),
        -25.0,
        ring_share=0.6,
    ),
    "cymbal": SoundClass(
        (
            ModeLayer(
                390,
                _CYMBAL,
                (1.6, 0.0004),
                0.00005,
                0.0,
                tilt=0.15,
                spread=0.012,
                size_power=0.2,
                detune=0.08,
                rise=0.008,
            ),
            BurstLayer(
                ((300, -12), (1200, -4), (4000, 0), (9000, -3), (16000, -10)),
                0.75,
                -5.0,
                rise=0.004,
                hold=0.02,
                cutoff_hz=14000,
            ),
            BurstLayer(((2000, -12), (6000, 0), (12000, -2)), 0.04, -8.0, rise=0.002, cutoff_hz=16000),
        ),
        -20.0,
        ring_share=1.2,
    ),
    "tom": SoundClass(
        (
            ModeLayer(
                112,
                _MEMBRANE,
                (3.4, 0.014),
                0.0011,
                0.0,
                tilt=1.1,
                glide=0.1,
                glide_seconds=0.05,
                size_power=0.35,
                spread=0.008,
                rise=0.003,
            ),
            BurstLayer(((80, -10), (400, -2), (2000, 0), (6000, -10), (14000, -28)), 0.014, -5.0),
        ),
        -19.0,
        ring_share=0.8,
    ),
    "clap": SoundClass(
        (
            BurstLayer(
                ((300, -14), (800, -2), (1500, 0), (3000, -4), (8000, -15), (16000, -28)), 0.006, -2.0, rise=0.0008
            ),
            BurstLayer(
                ((300, -14), (900, -1), (1700, 0), (3200, -5), (8000, -16), (16000, -28)),
                0.006,
                -1.0,
                rise=0.0008,
                start=0.009,
            ),
            BurstLayer(
                ((300, -12), (900, 0), (1800, 0), (3500, -5), (9000, -16), (16000, -28)),
                0.08,
                0.0,
                rise=0.001,
                start=0.019,
                hold=0.004,
            ),
        ),
        -20.0,
        ring_share=1.0,
    ),
}
"""Classes of a drum kit, and hands."""
