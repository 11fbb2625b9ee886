"""Hard things: metal, glass, ceramic, wood, stone."""

from __future__ import annotations

from typing import Final

from .layers import BurstLayer, ChirpLayer, CrackleLayer, ModeLayer
from .recipe import SoundClass

_THICK_BAR = (1.0, 1.47, 2.57, 3.31, 4.52, 6.1, 7.4, 9.2, 11.3)
"""Block half as thick as it is long: shear lowers the upper bending modes (Timoshenko); torsion modes are between them."""
_FREE_DISC = (1.0, 1.730, 2.328, 3.906, 4.110, 6.300, 6.711, 7.339, 8.81, 10.07, 11.40, 13.9, 17.2, 20.3, 23.1, 26.4)
"""Free circular plate, Poisson's ratio 0.33 (Leissa, Vibration of Plates); ratios from 8.81 on are extrapolated."""
_WINE_GLASS = (1.0, 1.58, 2.32, 3.37, 4.25, 5.4, 6.63, 8.1, 9.38, 12.5)
"""Rim modes 1, 2.32, 4.25, 6.63, 9.38 of a goblet, near n squared (Fletcher and Rossing, The Physics of Musical
Instruments); the weaker modes between them belong to bowl and foot."""
_BOARD = tuple(sorted((m * m + (n / 0.62) ** 2) / (1 + 0.62**-2) for m in range(1, 5) for n in range(1, 4)))
"""Simply supported board, sides 1 to 0.62: frequency goes as (m/a) squared + (n/b) squared."""

HARD_BODIES: Final = {
    "metal_damped": SoundClass(
        (
            ModeLayer(560, _FREE_DISC, (19, 0.0035), 0.00014, 0.0, tilt=0.15, spread=0.03, split=0.004),
            BurstLayer(((60, -7), (130, 0), (300, -3), (900, -10)), 0.06, -4.0),
            BurstLayer(((150, -8), (600, -2), (2500, 0), (7000, -2), (16000, -10)), 0.022, -1.0, cutoff_hz=12000),
        ),
        -22.0,
        ring_share=0.066,
    ),
    "metal_ringing": SoundClass(
        (
            ModeLayer(760, _FREE_DISC, (5.0, 0.0012), 0.00006, 0.0, tilt=-0.3, spread=0.02, split=0.0035),
            BurstLayer(((200, -20), (1500, -5), (5000, 0), (12000, -4), (20000, -14)), 0.010, -7.0, cutoff_hz=13000),
        ),
        -22.0,
        ring_share=0.4,
    ),
    "glass": SoundClass(
        (
            ModeLayer(
                2400, _WINE_GLASS, (18, 0.0026), 0.00005, 0.0, tilt=0.25, spread=0.03, split=0.002, size_power=0.4
            ),
            BurstLayer(((300, -18), (1200, -9), (4000, 0), (8000, -4), (14000, -14)), 0.006, -8.0, cutoff_hz=15000),
        ),
        -24.0,
    ),
    "glass_break": SoundClass(
        (
            BurstLayer(
                ((100, -14), (500, -10), (2000, -5), (5500, 0), (12000, -2), (20000, -8)),
                0.05,
                -1.0,
                rise=0.001,
                hold=0.004,
                cutoff_hz=15000,
            ),
            BurstLayer(
                ((800, -12), (2500, -3), (6000, 0), (12000, -4)),
                0.3,
                -17.0,
                rise=0.004,
                flutter=0.5,
                flutter_hz=60,
                cutoff_hz=15000,
            ),
            ModeLayer(1500, _WINE_GLASS, (45, 0.006), 0.00006, -4.0, tilt=0.1, spread=0.08),
            ChirpLayer(48, 0.22, 2400, 10500, 130, -9.0),
            BurstLayer(((50, -6), (110, -2), (300, 0), (900, -1), (2500, -4)), 0.07, -11.0),
            CrackleLayer(
                ((1500, -14), (4000, -3), (8000, 0), (14000, -5)),
                2600,
                0.3,
                -8.0,
                rise=0.005,
                unevenness=0.6,
                cutoff_hz=15000,
            ),
            ChirpLayer(16, 0.30, 3000, 9000, 200, -17.0, start=0.16),
        ),
        -18.0,
        ring_share=3.0,
    ),
    "ceramic": SoundClass(
        (
            ModeLayer(
                1080,
                (1.0, 1.42, 2.15, 2.74, 3.5, 4.42, 5.9, 7.3),
                (12, 0.0028),
                0.00008,
                0.0,
                tilt=0.0,
                spread=0.05,
                split=0.003,
                rise=0.003,
            ),
            BurstLayer(((60, -10), (130, -4), (300, 0), (700, 0), (2000, -5), (6000, -14)), 0.06, -2.0),
            BurstLayer(
                ((300, -16), (1500, -3), (4000, 0), (9000, -5), (18000, -16)),
                0.009,
                -3.0,
                rise=0.002,
                hold=0.003,
                cutoff_hz=13000,
            ),
        ),
        -23.0,
    ),
    "wood_small": SoundClass(
        (
            ModeLayer(520, (1.0, 1.9, 2.76, 3.9, 5.4, 7.1), (27, 0.014), 0.00028, 0.0, tilt=0.5, spread=0.06),
            BurstLayer(((120, -10), (300, -2), (900, -2), (3500, 0), (7000, -4), (14000, -20)), 0.016, 0.0),
        ),
        -22.0,
    ),
    "wood_large": SoundClass(
        (
            ModeLayer(150, _BOARD, (23, 0.03), 0.0006, 0.0, tilt=0.15, spread=0.03),
            BurstLayer(
                ((60, -12), (180, -2), (600, 0), (2500, -3), (7000, -10), (16000, -26)), 0.03, -3.0, rise=0.0008
            ),
        ),
        -20.0,
    ),
    "wood_hollow": SoundClass(
        (
            ModeLayer(
                88, (1.0, 1.62, 2.2, 2.9, 3.7, 4.9, 6.4, 8.3), (12.5, 0.024), 0.0009, 0.0, tilt=0.55, spread=0.04
            ),
            BurstLayer(((80, -4), (220, 0), (700, -4), (2500, -14), (9000, -32)), 0.028, -7.0, rise=0.001),
        ),
        -21.0,
    ),
    "stone": SoundClass(
        (
            ModeLayer(480, _THICK_BAR, (55, 0.03), 0.0003, 0.0, tilt=0.5, spread=0.06),
            BurstLayer(((80, -6), (250, 0), (900, -3), (2500, -8), (7000, -15), (18000, -32)), 0.035, 0.0, rise=0.0008),
            CrackleLayer(
                ((700, -8), (2200, 0), (6000, -6), (12000, -18)), 180, 0.06, -17.0, start=0.01, unevenness=0.9
            ),
        ),
        -21.0,
    ),
}
"""Classes of things that ring or knock when they are struck."""
