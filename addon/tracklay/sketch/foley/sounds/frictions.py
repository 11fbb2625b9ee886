"""Sounds that last: rubbing, rolling, squeaking, zips, moving air, engines."""

from __future__ import annotations

from typing import Final

from .recipe import SoundClass
from .sustained import FrictionLayer, SweepLayer
from .voices import VoiceLayer

FRICTIONS: Final = {
    "scrape": SoundClass(
        (
            FrictionLayer(
                ((300, -16), (1200, -4), (3000, 0), (5500, -2), (10000, -10), (16000, -22)),
                0.4,
                -2.0,
                flutter=0.45,
                flutter_hz=35,
            ),
            FrictionLayer(
                ((500, -10), (1800, 0), (4200, -1), (9000, -10)),
                0.4,
                0.0,
                grain_rate=(320, 420),
                unevenness=0.9,
                flutter=0.5,
                flutter_hz=12,
            ),
            FrictionLayer(((120, -4), (300, 0), (800, -10), (2500, -28)), 0.4, -14.0, flutter=0.5),
        ),
        -27.0,
        sustained=True,
    ),
    "roll": SoundClass(
        (
            FrictionLayer(
                ((60, -4), (150, 0), (350, -2), (900, -14), (3000, -32), (8000, -50)),
                0.8,
                0.0,
                flutter=0.3,
                flutter_hz=18,
                turn_hz=4.0,
                turn_depth=0.35,
                rise=0.06,
                fall=0.15,
            ),
            FrictionLayer(
                ((200, -8), (700, 0), (1800, -10), (6000, -30)),
                0.8,
                -12.0,
                grain_rate=(55, 55),
                unevenness=0.9,
                turn_hz=4.0,
                turn_depth=0.3,
                rise=0.06,
                fall=0.15,
            ),
        ),
        -27.0,
        sustained=True,
    ),
    "squeak": SoundClass(
        (
            VoiceLayer(
                0.35,
                ((0, 560), (0.3, 760), (0.7, 690), (1, 820)),
                (((3100, 1600, 0), (5200, 2400, -8)),),
                0.0,
                pulse=0.09,
                breath_db=-9.0,
                jitter=0.012,
                rough=0.35,
                rise=0.05,
                fall=0.07,
                variation=0.35,
                size_power=0.4,
                stretched=True,
            ),
            FrictionLayer(((600, -10), (2500, 0), (6000, -6), (12000, -18)), 0.35, -13.0, flutter=0.6, flutter_hz=30),
        ),
        -27.0,
        sustained=True,
    ),
    "zipper": SoundClass(
        (
            FrictionLayer(
                ((500, -14), (1600, -3), (3800, 0), (7000, -3), (13000, -14)),
                0.45,
                0.0,
                grain_rate=(90, 240),
                regular=0.85,
                unevenness=0.35,
                flutter=0.25,
                rise=0.05,
                fall=0.03,
            ),
            FrictionLayer(
                ((800, -10), (3000, 0), (7000, -4), (14000, -16)), 0.45, -13.0, flutter=0.3, rise=0.06, fall=0.03
            ),
        ),
        -28.0,
        sustained=True,
    ),
    "whoosh": SoundClass(
        (SweepLayer(0.17, (350, 750, 380), peak=0.4),),
        -27.0,
        sustained=True,
    ),
    "engine": SoundClass(
        (
            VoiceLayer(
                1.6,
                ((0, 29), (0.5, 30.5), (1, 29.5)),
                (((80, 80, 0), (170, 140, -1), (420, 300, -3), (1100, 900, -4), (2600, 2500, -9)),),
                0.0,
                pulse=0.014,
                breath_db=-18.0,
                jitter=0.015,
                rough=0.3,
                rise=0.12,
                fall=0.25,
                size_power=0.3,
                stretched=True,
                floor_db=-44,
            ),
            FrictionLayer(
                ((80, -6), (250, 0), (900, -3), (2500, -8), (4500, -18), (9000, -34)),
                1.6,
                -5.0,
                flutter=0.2,
                turn_hz=15.0,
                turn_depth=0.4,
                rise=0.12,
                fall=0.25,
            ),
        ),
        -24.0,
        sustained=True,
    ),
}
"""Classes that last as long as their event."""
