"""The ground and what lies on it: gravel, soil, water, snow, leaves.

Water: a bubble rings at 3.26 / radius Hz (Minnaert) and rises in pitch as it nears the surface (van den Doel, 2005).
"""

from __future__ import annotations

from typing import Final

from .layers import BurstLayer, ChirpLayer, CrackleLayer
from .recipe import SoundClass

GROUNDS: Final = {
    "gravel": SoundClass(
        (
            BurstLayer(
                ((60, -6), (160, 0), (500, -8), (2000, -20), (8000, -40)), 0.04, -5.0, rise=0.003, size_power=0.2
            ),
            CrackleLayer(
                ((250, -12), (600, -2), (1400, 0), (4000, -3), (8000, -5), (15000, -12)),
                2200,
                0.17,
                0.0,
                rise=0.004,
                hold=0.012,
                unevenness=0.6,
            ),
            BurstLayer(
                ((200, -8), (700, 0), (3000, -3), (9000, -8)), 0.13, -13.0, rise=0.004, flutter=0.6, flutter_hz=60
            ),
            CrackleLayer(
                ((1000, -8), (3000, 0), (7000, -3), (13000, -10)), 900, 0.2, -8.0, start=0.01, unevenness=0.65
            ),
        ),
        -24.0,
        ring_share=3.0,
    ),
    "soil": SoundClass(
        (
            BurstLayer(
                ((50, -4), (130, 0), (400, -6), (1500, -16), (6000, -34)), 0.06, -5.0, rise=0.010, size_power=0.2
            ),
            CrackleLayer(
                ((300, -8), (1000, 0), (3000, -3), (7000, -10), (14000, -22)),
                2200,
                0.17,
                -2.0,
                cutoff_hz=8000,
                softness=1.6,
                rise=0.018,
                hold=0.02,
                unevenness=0.45,
            ),
            BurstLayer(
                ((300, -6), (1200, 0), (4000, -6), (12000, -20)), 0.14, -5.0, rise=0.02, flutter=0.5, flutter_hz=40
            ),
        ),
        -25.0,
        ring_share=3.0,
    ),
    "water": SoundClass(
        (
            BurstLayer(
                ((80, -12), (180, -4), (350, 0), (900, -1), (2500, -6), (6000, -13), (15000, -26)),
                0.5,
                0.0,
                rise=0.03,
                hold=0.10,
                flutter=0.35,
                flutter_hz=35,
                size_power=0.2,
            ),
            ChirpLayer(16, 0.30, 380, 2200, 14, -4.0, pitch_rise=0.35, start=0.03),
            ChirpLayer(22, 0.45, 1800, 5200, 14, -15.0, pitch_rise=0.15, start=0.05),
            CrackleLayer(((800, -6), (2500, 0), (6000, -6)), 260, 0.4, -13.0, rise=0.05, start=0.06, unevenness=0.8),
        ),
        -22.0,
        ring_share=4.0,
    ),
    "snow": SoundClass(
        (
            BurstLayer(
                ((50, -4), (120, 0), (300, -3), (800, -17), (3000, -36)),
                0.09,
                0.0,
                rise=0.03,
                hold=0.05,
                flutter=0.3,
                flutter_hz=30,
                size_power=0.2,
            ),
            CrackleLayer(
                ((150, -3), (350, 0), (900, -7), (3000, -16), (10000, -24)),
                700,
                0.06,
                -8.0,
                rise=0.035,
                hold=0.06,
                unevenness=0.5,
            ),
            CrackleLayer(((1000, -6), (3000, 0), (8000, -8)), 900, 0.06, -25.0, rise=0.03, hold=0.06, unevenness=0.5),
        ),
        -26.0,
        ring_share=3.0,
    ),
    "leaves": SoundClass(
        (
            CrackleLayer(
                ((600, -14), (1800, -4), (4500, -2), (9500, 0), (15000, -7)),
                1700,
                0.24,
                -1.0,
                rise=0.07,
                hold=0.08,
                unevenness=0.55,
                cutoff_hz=14000,
            ),
            BurstLayer(
                ((500, -12), (1800, -3), (5000, 0), (10000, -6), (16000, -16)),
                0.2,
                -4.0,
                rise=0.07,
                hold=0.07,
                flutter=0.5,
                flutter_hz=40,
                cutoff_hz=14000,
            ),
            BurstLayer(((60, -6), (150, 0), (400, -8), (1500, -24)), 0.04, -9.0, rise=0.03, hold=0.03),
        ),
        -28.0,
        ring_share=3.0,
    ),
}
"""Classes made of many grains."""
