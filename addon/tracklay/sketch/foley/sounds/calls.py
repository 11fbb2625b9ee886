"""Calls of animals and people, as simple voices."""

from __future__ import annotations

from typing import Final

from .layers import BurstLayer
from .recipe import SoundClass
from .sustained import FrictionLayer
from .voices import VoiceLayer

_AH = ((730, 110, 0.0), (1150, 130, -4.0), (2600, 220, -12.0), (3500, 300, -16.0))
_EE = ((290, 80, 0.0), (2250, 160, -10.0), (2950, 220, -12.0), (3600, 300, -16.0))
_EH = ((530, 90, 0.0), (1800, 150, -6.0), (2500, 220, -10.0), (3500, 300, -16.0))
_OH = ((520, 90, 0.0), (900, 110, -6.0), (2500, 220, -20.0))
_UH = ((620, 100, 0.0), (1200, 130, -6.0), (2450, 220, -13.0))
"""Resonances of vowels of an adult: means of men and women, rounded (Peterson and Barney, 1952)."""

CALLS: Final = {
    "bark": SoundClass(
        (
            VoiceLayer(
                0.2,
                ((0, 330), (0.25, 560), (0.6, 520), (1, 300)),
                (
                    ((800, 340, -9), (1650, 550, 0), (2500, 800, -1), (4200, 2400, -9)),
                    ((700, 300, -7), (1350, 450, 0), (2300, 900, -5), (4400, 2400, -13)),
                ),
                0.0,
                pulse=0.06,
                breath_db=-4.0,
                jitter=0.035,
                rough=0.3,
                rise=0.04,
                fall=0.12,
                variation=0.3,
                size_power=0.4,
                floor_db=-30.0,
            ),
        ),
        -19.0,
        ring_share=3.0,
    ),
    "meow": SoundClass(
        (
            VoiceLayer(
                0.66,
                ((0, 480), (0.3, 720), (0.6, 690), (1, 430)),
                (
                    ((700, 260, -5), (2500, 600, 0), (3600, 900, -9), (6000, 2500, -16)),
                    ((1150, 360, 0), (2050, 600, 0), (3400, 900, -12), (6000, 2500, -16)),
                    ((620, 240, 0), (1150, 380, -2), (2900, 900, -12)),
                ),
                0.0,
                pulse=0.075,
                breath_db=-22.0,
                jitter=0.006,
                rough=0.12,
                rise=0.2,
                fall=0.3,
                droop_db=2.0,
                variation=0.25,
                size_power=0.3,
            ),
        ),
        -23.0,
        ring_share=8.0,
    ),
    "bird": SoundClass(
        (
            VoiceLayer(
                0.055,
                ((0, 2050), (0.25, 3100), (0.6, 2350), (1, 2700)),
                (((2600, 2200, 0), (5200, 3000, -18)),),
                0.0,
                pulse=0.42,
                breath_db=-44.0,
                floor_db=-60.0,
                jitter=0.004,
                rough=0.03,
                vibrato=(28, 0.05),
                rise=0.012,
                fall=0.03,
                calls=(2, 5),
                gap=(0.03, 0.12),
                variation=0.35,
                size_power=0.2,
            ),
        ),
        -26.0,
        ring_share=8.0,
    ),
    "growl": SoundClass(
        (
            VoiceLayer(
                0.9,
                ((0, 62), (0.3, 74), (0.8, 66), (1, 52)),
                (
                    (
                        (170, 160, -5),
                        (450, 220, -5),
                        (900, 360, 0),
                        (1700, 700, -3),
                        (2600, 1400, -12),
                        (4200, 2500, -19),
                    ),
                    ((480, 220, -4), (950, 340, 0), (1800, 700, -6)),
                ),
                0.0,
                pulse=0.016,
                breath_db=-9.0,
                jitter=0.04,
                rough=0.5,
                rise=0.15,
                fall=0.3,
                variation=0.3,
                size_power=0.3,
                stretched=True,
            ),
        ),
        -23.0,
        sustained=True,
        ring_share=8.0,
    ),
    "breath": SoundClass(
        (
            FrictionLayer(
                ((250, -10), (600, -2), (1300, 0), (2200, -4), (4000, -11), (9000, -22)),
                0.9,
                0.0,
                flutter=0.25,
                flutter_hz=9,
                rise=0.25,
                fall=0.45,
                cutoff_hz=8000,
            ),
        ),
        -33.0,
        sustained=True,
    ),
    "scream": SoundClass(
        (
            VoiceLayer(
                0.9,
                ((0, 520), (0.15, 840), (0.7, 900), (1, 600)),
                (((980, 240, 0), (1500, 300, -3), (2900, 600, -9), (3900, 1200, -13), (6500, 3000, -20)),),
                0.0,
                pulse=0.09,
                breath_db=-11.0,
                jitter=0.008,
                rough=0.2,
                droop_db=8.0,
                vibrato=(6.5, 0.02),
                rise=0.09,
                fall=0.22,
                variation=0.2,
                size_power=0.1,
                floor_db=-30.0,
                stretched=True,
            ),
        ),
        -19.0,
        sustained=True,
    ),
    "voice": SoundClass(
        (
            VoiceLayer(
                0.19,
                ((0, 150), (0.3, 165), (1, 132)),
                (_AH, _EE, _EH, _OH, _UH),
                0.0,
                pulse=0.02,
                breath_db=-20.0,
                jitter=0.006,
                rough=0.06,
                rise=0.035,
                fall=0.07,
                calls=(2, 5),
                gap=(0.02, 0.10),
                variation=0.45,
                size_power=0.05,
                shuffled=True,
            ),
            BurstLayer(((800, -12), (2500, -3), (5000, 0), (9000, -6)), 0.02, -26.0, rise=0.012),
        ),
        -25.0,
        sustained=True,
    ),
}
"""Classes with a source and resonances."""
