"""Soft things: food, flesh, cloth, paper, cardboard, leather, plastic, rubber, a heart.

Food: the blade goes through with a rustle, 50 to 80 ms before it stops on the board (measured: a knife on a cabbage).
"""

from __future__ import annotations

from typing import Final

from .layers import BurstLayer, CrackleLayer, ModeLayer
from .recipe import SoundClass

_DULL_MODES = (1.0, 1.83, 2.9, 4.3, 6.1)
_THIN_SHELL = (1.0, 1.52, 2.14, 2.76, 3.6, 4.7, 6.2, 7.9)

SOFT_BODIES: Final = {
    "food": SoundClass(
        (
            CrackleLayer(
                ((700, -12), (2000, 0), (5000, -3), (10000, -12)),
                1200,
                0.03,
                -19.0,
                unevenness=0.35,
                rise=0.03,
                hold=0.035,
                start=-0.067,
            ),
            BurstLayer(
                ((80, -26), (180, -6), (350, 0), (700, 0), (1200, -6), (3000, -18), (9000, -29)),
                0.13,
                0.0,
                rise=0.003,
                hold=0.008,
                size_power=0.2,
            ),
            BurstLayer(((300, -8), (1200, 0), (4000, -4), (11000, -16)), 0.016, -10.0),
            BurstLayer(
                ((90, -22), (190, -2), (500, -1), (1100, -6), (3000, -18), (9000, -36)),
                0.3,
                -10.0,
                rise=0.02,
                start=0.02,
            ),
            ModeLayer(210, (1.0, 1.7, 2.6, 3.4), (40, 0.05), 0.0009, -7.0, tilt=0.8, spread=0.08, size_power=0.3),
            CrackleLayer(((900, -8), (2500, 0), (7000, -6)), 260, 0.09, -27.0, start=0.012, unevenness=0.9),
        ),
        -21.0,
    ),
    "flesh": SoundClass(
        (
            BurstLayer(
                ((50, -3), (120, 0), (350, -6), (1200, -16), (5000, -36)),
                0.085,
                -3.0,
                rise=0.010,
                hold=0.006,
                size_power=0.3,
            ),
            BurstLayer(
                ((400, -8), (1200, 0), (3000, -2), (7000, -10), (14000, -22)),
                0.075,
                -1.0,
                rise=0.014,
                hold=0.010,
                flutter=0.4,
                flutter_hz=90,
            ),
            BurstLayer(
                ((300, -4), (900, 0), (2500, -8), (8000, -24)), 0.13, -12.0, rise=0.012, start=0.02, flutter=0.5
            ),
            ModeLayer(
                95,
                (1.0, 1.7),
                (45, 0.15),
                0.003,
                -8.0,
                tilt=1.0,
                spread=0.08,
                glide=0.15,
                glide_seconds=0.02,
                rise=0.006,
            ),
        ),
        -21.0,
    ),
    "cloth": SoundClass(
        (
            BurstLayer(
                ((60, -8), (140, 0), (400, -5), (1500, -16), (6000, -34)), 0.09, -1.0, rise=0.012, size_power=0.2
            ),
            BurstLayer(
                ((300, -8), (900, 0), (2500, -1), (6000, -5), (14000, -14)),
                0.12,
                -3.0,
                rise=0.02,
                hold=0.02,
                flutter=0.7,
                flutter_hz=45,
            ),
            CrackleLayer(((800, -6), (2500, 0), (6000, -6), (12000, -18)), 500, 0.10, -10.0, rise=0.02, hold=0.03),
        ),
        -29.0,
    ),
    "paper": SoundClass(
        (
            BurstLayer(
                ((150, -10), (500, -2), (1500, 0), (4000, -5), (11000, -18)),
                0.12,
                0.0,
                rise=0.06,
                hold=0.02,
                flutter=0.2,
                flutter_hz=70,
            ),
            CrackleLayer(
                ((350, -6), (900, 0), (2400, -3), (8000, -14)), 1800, 0.13, -2.0, rise=0.06, hold=0.04, unevenness=0.35
            ),
            BurstLayer(((50, -4), (90, 0), (250, -8), (900, -20)), 0.06, -6.0, rise=0.03),
            ModeLayer(240, (1.0, 1.6, 2.3, 3.1), (70, 0.05), 0.0012, -10.0, spread=0.1, rise=0.012),
        ),
        -27.0,
    ),
    "cardboard": SoundClass(
        (
            ModeLayer(170, (1.0, 1.48, 2.1, 2.9, 3.8, 5.2), (48, 0.05), 0.0011, 0.0, tilt=0.6, spread=0.06),
            BurstLayer(((100, -8), (350, 0), (1200, -4), (4000, -14), (12000, -32)), 0.04, -3.0, rise=0.001),
            CrackleLayer(((600, -8), (1800, 0), (5000, -8)), 200, 0.06, -18.0, start=0.005),
        ),
        -23.0,
    ),
    "plastic": SoundClass(
        (
            ModeLayer(
                560,
                (1.0, 1.52, 2.3, 3.15, 4.4, 5.9, 7.7),
                (19, 0.007),
                0.00016,
                0.0,
                tilt=0.1,
                spread=0.07,
                split=0.004,
            ),
            BurstLayer(((120, -12), (350, -3), (1000, 0), (3000, -2), (8000, -10), (16000, -20)), 0.03, -3.0),
            ModeLayer(700, _THIN_SHELL, (40, 0.015), 0.0003, -14.0, spread=0.1, start=0.032, detune=0.2),
        ),
        -23.0,
    ),
    "leather": SoundClass(
        (
            BurstLayer(
                ((80, -5), (220, 0), (700, -5), (2000, -12), (7000, -28)), 0.045, 0.0, rise=0.003, size_power=0.2
            ),
            BurstLayer(((400, -8), (1200, 0), (3500, -4), (9000, -16)), 0.018, -7.0, rise=0.001),
            CrackleLayer(
                ((500, -5), (1200, 0), (3000, -6), (8000, -22)), 170, 0.10, -15.0, start=0.02, rise=0.03, unevenness=0.9
            ),
        ),
        -25.0,
    ),
    "rubber": SoundClass(
        (
            ModeLayer(
                290,
                (1.0, 1.58, 2.3, 3.4, 4.9, 7.1),
                (13, 0.012),
                0.0007,
                0.0,
                tilt=0.35,
                spread=0.03,
                glide=0.12,
                rise=0.004,
            ),
            BurstLayer(((100, -8), (350, 0), (1300, -3), (4000, -14), (12000, -34)), 0.03, -3.0, rise=0.005),
        ),
        -22.0,
    ),
    "heartbeat": SoundClass(
        (
            ModeLayer(46, (1.0, 1.6, 2.3), (24, 0.05), 0.006, 0.0, tilt=0.5, size_power=0.15, rise=0.015, detune=0.05),
            BurstLayer(((30, 0), (60, 0), (130, -10), (300, -26), (900, -50)), 0.05, -3.0, rise=0.015, softness=0.5),
            ModeLayer(
                58,
                (1.0, 1.7, 2.6),
                (30, 0.05),
                0.005,
                -4.0,
                tilt=0.5,
                size_power=0.15,
                rise=0.012,
                start=0.29,
                detune=0.05,
            ),
            BurstLayer(
                ((40, 0), (80, 0), (170, -10), (400, -28), (900, -50)),
                0.04,
                -6.0,
                rise=0.012,
                start=0.29,
                softness=0.5,
                spread=0.04,
            ),
        ),
        -27.0,
        ring_share=2.0,
    ),
}
"""Classes of things that give way when they are struck."""
