"""Signals: horns, sirens, alarms, beeps, whistles and bells.

A horn is a diaphragm or reed that opens once in each period, so that it has all harmonics, through a bell that lets the
high ones out. A whistle is nearly a sine with the noise of its jet. A bell has the partials of its shape.
"""

from __future__ import annotations

from typing import Final

from .layers import BurstLayer, ModeLayer
from .recipe import SoundClass
from .tones import RepeatLayer, ToneLayer

_CHURCH_PARTIALS = (0.5, 1.0, 1.2, 1.5, 2.0, 2.5, 2.62, 3.0, 4.0, 5.3, 6.7)
"""Hum, prime, tierce, quint, nominal and above of a tuned bell (Rossing, Science of Percussion Instruments, 2000)."""

_GONG_PARTIALS = (1.0, 1.008, 2.52, 2.54, 4.6, 7.1, 10.0)
"""A hemispherical gong: pairs of modes that beat."""

_BAR_PARTIALS = (1.0, 2.76, 5.4)
"""A bar that is free at both ends."""

SIGNALS: Final = {
    "horn_car": SoundClass(
        (
            ToneLayer(  # two discs a major third apart, as the pair of a car is tuned
                (405, 506),
                (-6, -3, -3, -3, -4, -3, -3, -2, -4, -7, -10, -13, -16, -19),
                0.55,
                contour=((0, 0.985), (0.05, 1.0)),
                rise=0.045,
                fall=0.07,
                variation=0.16,
                size_power=0.3,
            ),
        ),
        -19.0,
        sustained=True,
    ),
    "horn_ship": SoundClass(
        (
            ToneLayer(
                (126,),
                (-4, -5, -8, -2, 0, -3, -6, -10, -15, -19, -23, -27),
                2.2,
                contour=((0, 0.96), (0.18, 1.0), (8, 1.0)),
                unsteadiness=0.003,
                breath=((100, -14), (300, -4), (700, 0), (1600, -8), (5000, -24)),
                breath_db=-19.0,
                rise=0.09,
                fall=0.35,
                variation=0.15,
                size_power=0.25,
            ),
        ),
        -18.0,
        sustained=True,
    ),
    "horn_train": SoundClass(
        (
            ToneLayer(  # a chime of five air horns: D sharp, F sharp, G sharp, B, D sharp
                (311, 370, 415, 494, 622),
                (0, -6, -12, -17, -21, -25, -29),
                1.5,
                contour=((0, 0.97), (0.12, 1.0)),
                unsteadiness=0.0015,
                breath=((200, -12), (600, 0), (2000, -6), (6000, -20)),
                breath_db=-24.0,
                rise=0.06,
                fall=0.22,
                variation=0.08,
                size_power=0.12,
            ),
        ),
        -18.0,
        sustained=True,
    ),
    "siren": SoundClass(
        (
            ToneLayer(  # the wail of an emergency vehicle
                (560,),
                (0, -5, -11, -15, -18, -22, -26),
                2.6,
                cycle=((0, 1.0), (0.75, 2.6), (1.1, 2.75), (2.4, 1.0)),
                unsteadiness=0.001,
                rise=0.1,
                fall=0.25,
                variation=0.08,
                size_power=0.12,
            ),
        ),
        -20.0,
        sustained=True,
    ),
    "alarm": SoundClass(
        (
            ToneLayer(  # a piezo disc: groups of four short beeps
                (4150,),
                (0, -12, -13),
                1.9,
                pulses=(0.075, 0.05, 0.075, 0.05, 0.075, 0.05, 0.075, 0.5),
                unsteadiness=0.0003,
                rise=0.004,
                fall=0.012,
                variation=0.35,
                size_power=0.1,
            ),
        ),
        -25.0,
        sustained=True,
    ),
    "beep": SoundClass(
        (
            ToneLayer(
                (1250,),
                (0, -22, -19, -30),
                0.09,
                unsteadiness=0.0002,
                rise=0.012,
                fall=0.04,
                variation=0.3,
                size_power=0.15,
            ),
        ),
        -27.0,
        ring_share=8.0,
    ),
    "whistle_pea": SoundClass(
        (
            ToneLayer(  # two chambers, a little apart, and a pea that circles in them
                (2700, 2860),
                (0, -28, -38),
                0.55,
                contour=((0, 0.93), (0.05, 1.0), (8, 1.0)),
                trill=(38.0, 0.02, 0.75),
                unsteadiness=0.004,
                breath=((1200, -14), (2700, 0), (5000, -6), (11000, -14)),
                breath_db=-21.0,
                rise=0.035,
                fall=0.06,
                variation=0.12,
                effort=0.06,
                size_power=0.15,
            ),
        ),
        -20.0,
        sustained=True,
    ),
    "whistle_steam": SoundClass(
        (
            ToneLayer(  # three chimes of a locomotive, which rise as the steam comes
                (366, 464, 617),
                (0, -13, -19, -27),
                1.6,
                contour=((0, 0.86), (0.25, 1.0), (8, 1.0)),
                unsteadiness=0.003,
                breath=((300, -10), (700, 0), (2000, -5), (6000, -14), (12000, -24)),
                breath_db=-17.0,
                rise=0.24,
                fall=0.4,
                variation=0.12,
                size_power=0.2,
            ),
        ),
        -19.0,
        sustained=True,
    ),
    "whistle_kettle": SoundClass(
        (
            ToneLayer(  # a hole tone, higher as the flow of steam grows (Henrywood and Agarwal, 2013)
                (1750, 2310),
                (0, -16, -25),
                2.2,
                contour=((0, 0.62), (0.9, 0.93), (1.6, 1.0), (8, 1.03)),
                unsteadiness=0.004,
                breath=((500, -10), (2500, 0), (6000, -2), (12000, -12)),
                breath_db=-12.0,
                rise=0.8,
                fall=0.3,
                variation=0.15,
                size_power=0.2,
            ),
        ),
        -24.0,
        sustained=True,
    ),
    "bell_large": SoundClass(
        (
            ModeLayer(
                470,
                _CHURCH_PARTIALS,
                (0.9, 0.0016),
                0.0003,
                0.0,
                tilt=-0.7,
                spread=0.006,
                split=0.0012,
                size_power=0.3,
                detune=0.25,
            ),
            BurstLayer(((400, -10), (1500, 0), (4000, -4), (10000, -16)), 0.02, -12.0),
        ),
        -19.0,
        ring_share=6.0,
    ),
    "bell_small": SoundClass(
        (
            ModeLayer(
                2750,
                _GONG_PARTIALS,
                (3.2, 0.00022),
                0.00003,
                0.0,
                tilt=-0.35,
                spread=0.012,
                split=0.002,
                size_power=0.3,
                detune=0.2,
            ),
            BurstLayer(((1500, -12), (5000, 0), (9000, -2), (15000, -12)), 0.006, -14.0),
        ),
        -25.0,
        ring_share=6.0,
    ),
    "bell_electric": SoundClass(
        (
            RepeatLayer(
                ModeLayer(1150, _GONG_PARTIALS, (5, 0.0012), 0.00012, 0.0, tilt=0.35, spread=0.015, size_power=0.3),
                19.0,
                1.6,
                alternating=1.19,
            ),
            RepeatLayer(BurstLayer(((800, -14), (2500, 0), (6000, -4), (12000, -16)), 0.006, -20.0), 19.0, 1.6),
        ),
        -23.0,
        sustained=True,
    ),
    "chime": SoundClass(
        (
            ModeLayer(
                1060,
                _BAR_PARTIALS,
                (1.05, 0.0008),
                0.0012,
                0.0,
                tilt=-0.8,
                spread=0.003,
                size_power=0.2,
                rise=0.007,
                detune=0.06,
            ),
            ModeLayer(
                845,
                _BAR_PARTIALS,
                (1.05, 0.0008),
                0.0012,
                -5.0,
                tilt=-0.8,
                spread=0.003,
                size_power=0.2,
                rise=0.007,
                detune=0.06,
                start=0.6,
            ),
            BurstLayer(((400, -14), (1200, -4), (4000, 0), (9000, -6)), 0.012, -14.0, softness=2.5),
        ),
        -24.0,
        ring_share=8.0,
    ),
}
"""Classes of things that are made to be heard."""
