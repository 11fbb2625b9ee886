"""Things with moving parts: doors, switches, locks, shutters.

A door: the latch slides over the strike plate, the leaf meets the frame, the frame and the wall answer. A shutter: the
mirror goes up, the curtain runs, the mirror falls.
"""

from __future__ import annotations

from typing import Final

from .layers import BurstLayer, ModeLayer
from .recipe import SoundClass

_CLICK = ((300, -18), (1500, -6), (4500, 0), (9000, -2), (16000, -10))

MECHANISMS: Final = {
    "door": SoundClass(
        (
            BurstLayer(((500, -10), (1800, 0), (5000, -3), (11000, -14)), 0.012, -20.0, start=-0.055),
            ModeLayer(
                98, (1.0, 1.55, 2.3, 3.2, 4.6, 6.3), (17, 0.035), 0.0018, 0.0, tilt=0.45, spread=0.05, size_power=0.3
            ),
            BurstLayer(((50, -5), (120, 0), (400, -3), (1500, -8), (5000, -19), (14000, -42)), 0.05, -2.0, rise=0.006),
            BurstLayer(((400, -8), (1500, 0), (4000, -3), (10000, -14)), 0.018, -13.0, start=0.018),
            ModeLayer(900, (1.0, 1.7, 2.6, 3.8), (60, 0.01), 0.0002, -19.0, start=0.045, spread=0.1),
        ),
        -19.0,
        ring_share=2.0,
    ),
    "switch": SoundClass(
        (
            BurstLayer(
                ((800, -14), (2500, -2), (5500, 0), (10000, -5), (16000, -14)),
                0.005,
                -13.0,
                start=-0.011,
                spread=0.35,
                cutoff_hz=14000,
            ),
            BurstLayer(((400, -18), (1800, -4), (5500, 0), (10000, -1), (16000, -12)), 0.006, 0.0, cutoff_hz=14000),
            ModeLayer(2700, (1.0, 1.63, 2.4, 3.3), (120, 0.012), 0.00006, -5.0, tilt=0.1, spread=0.08, size_power=0.2),
            ModeLayer(480, (1.0, 1.9, 3.1), (130, 0.05), 0.0003, -18.0, spread=0.08, size_power=0.2),
        ),
        -30.0,
        ring_share=2.0,
    ),
    "lock": SoundClass(
        (
            BurstLayer(_CLICK, 0.008, -9.0, start=-0.042, spread=0.3, cutoff_hz=14000),
            BurstLayer(_CLICK, 0.012, 0.0, cutoff_hz=14000),
            ModeLayer(
                1500,
                (1.0, 1.73, 2.33, 3.9, 4.11, 6.3),
                (55, 0.006),
                0.00005,
                -3.0,
                tilt=-0.1,
                spread=0.05,
                split=0.004,
                size_power=0.2,
            ),
            ModeLayer(310, (1.0, 1.8, 2.9), (60, 0.04), 0.0006, -24.0, spread=0.06, size_power=0.2),
            BurstLayer(_CLICK, 0.010, -8.0, start=0.034, spread=0.3, cutoff_hz=14000),
        ),
        -27.0,
        ring_share=2.0,
    ),
    "shutter": SoundClass(
        (
            BurstLayer(((300, -14), (1200, -5), (4000, 0), (8000, -1), (14000, -8)), 0.03, 0.0, rise=0.003, hold=0.005),
            ModeLayer(1300, (1.0, 1.7, 2.6, 3.9), (70, 0.03), 0.0001, -6.0, spread=0.06, size_power=0.2),
            BurstLayer(
                ((800, -8), (2500, 0), (6000, -3), (12000, -14)),
                0.02,
                -14.0,
                rise=0.008,
                start=0.02,
                flutter=0.5,
                flutter_hz=120,
            ),
            BurstLayer(
                ((300, -12), (1200, -4), (4500, 0), (9000, -1), (15000, -8)),
                0.04,
                -2.0,
                rise=0.002,
                start=0.075,
                spread=0.15,
            ),
            ModeLayer(1100, (1.0, 1.65, 2.5, 3.7), (60, 0.03), 0.0001, -6.0, spread=0.06, size_power=0.2, start=0.076),
        ),
        -27.0,
        ring_share=2.0,
    ),
}
"""Classes of several small contacts in a fixed order."""
