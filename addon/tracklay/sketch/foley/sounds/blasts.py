"""Shots, explosions, thunder and the whip: a shock, the burning gas behind it, and what the landscape returns."""

from __future__ import annotations

from typing import Final

from .layers import BurstLayer, CrackleLayer
from .recipe import SoundClass
from .sustained import SweepLayer

BLASTS: Final = {
    "shot": SoundClass(
        (
            BurstLayer(
                ((100, -14), (400, -4), (1200, 0), (3500, -3), (9000, -9), (18000, -20)), 0.012, 0.0, hold=0.002
            ),
            BurstLayer(
                ((50, -6), (150, 0), (600, -1), (1800, -3), (5000, -12), (14000, -28)),
                0.05,
                -3.0,
                hold=0.006,
                start=0.001,
            ),
            BurstLayer(
                ((60, -8), (200, 0), (800, 0), (2000, -6), (6000, -18), (14000, -36)),
                0.22,
                -19.0,
                rise=0.02,
                start=0.015,
                flutter=0.45,
                flutter_hz=25,
                cutoff_hz=6000,
            ),
            BurstLayer(
                ((80, -8), (300, 0), (1200, -3), (4000, -16), (12000, -34)),
                0.09,
                -23.0,
                rise=0.012,
                start=0.13,
                spread=0.35,
            ),
            BurstLayer(
                ((80, -6), (250, 0), (900, -4), (3000, -18), (12000, -38)),
                0.35,
                -29.0,
                rise=0.08,
                start=0.22,
                spread=0.3,
                flutter=0.3,
            ),
        ),
        -17.0,
        ring_share=8.0,
        dynamic_range=14.0,
    ),
    "explosion": SoundClass(
        (
            BurstLayer(
                ((40, 0), (120, 0), (500, -6), (2500, -14), (8000, -26), (16000, -40)), 0.10, 2.5, rise=0.002, hold=0.02
            ),
            BurstLayer(
                ((28, 0), (60, 2), (140, -2), (400, -12), (1500, -26), (6000, -44)),
                0.8,
                0.0,
                rise=0.012,
                hold=0.08,
                flutter=0.12,
                flutter_hz=12,
                size_power=0.3,
            ),
            BurstLayer(
                ((60, -4), (250, -4), (900, -10), (3000, -22), (10000, -40)),
                0.7,
                -16.0,
                rise=0.05,
                start=0.05,
                flutter=0.35,
                flutter_hz=10,
            ),
            CrackleLayer(
                ((400, -12), (1500, 0), (5000, -8), (12000, -24)),
                60,
                0.9,
                -30.0,
                hold=0.2,
                start=0.15,
                rise=0.1,
                unevenness=1.0,
            ),
        ),
        -12.0,
        ring_share=8.0,
        dynamic_range=14.0,
    ),
    "thunder": SoundClass(
        (
            BurstLayer(
                ((60, -3), (200, 0), (700, -4), (2000, -14), (7000, -32)),
                0.14,
                -5.0,
                rise=0.02,
                hold=0.03,
                flutter=0.4,
                flutter_hz=30,
            ),
            BurstLayer(
                ((40, -1), (110, 0), (350, -4), (1100, -16), (5000, -40)),
                0.7,
                0.0,
                rise=0.06,
                hold=0.35,
                start=0.03,
                flutter=0.4,
                flutter_hz=9,
            ),
            BurstLayer(
                ((30, 0), (80, 0), (220, -6), (800, -22), (4000, -48)),
                1.1,
                -7.0,
                rise=0.25,
                hold=0.3,
                start=0.3,
                flutter=0.7,
                flutter_hz=4,
                spread=0.35,
            ),
        ),
        -15.0,
        ring_share=20.0,
        dynamic_range=14.0,
    ),
    "whip": SoundClass(
        (
            SweepLayer(0.16, (300, 1400, 2600), -24.0, peak=0.8, start=-0.17, stretched=False),
            BurstLayer(
                ((400, -16), (1500, -5), (4000, 0), (9000, -1), (16000, -6)), 0.010, 0.0, hold=0.001, cutoff_hz=16000
            ),
            BurstLayer(
                ((300, -8), (900, 0), (2500, -2), (7000, -8), (14000, -18)),
                0.05,
                -15.0,
                rise=0.003,
                start=0.004,
                cutoff_hz=11000,
            ),
            BurstLayer(((300, -6), (900, 0), (3000, -6), (9000, -22)), 0.09, -27.0, rise=0.01, start=0.07, spread=0.4),
        ),
        -20.0,
        ring_share=2.0,
    ),
}
"""Classes whose source is a shock in the air."""
