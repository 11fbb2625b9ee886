"""The room tones, as data for `ambience`: what a place sounds like when nothing happens in it.

A room tone lies under a whole take, so that the sounds on it do not start and end in digital silence. Levels are 25 to
30 LU below dialogue at -24 LUFS, as a quiet place (30 to 40 dB(A)) is below speech at a metre (65 dB(A)). The slope of
rooms is that of a neutral ventilation, -5 dB an octave (ASHRAE's RC curves); the other shapes follow recordings.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from .. import prompt_matcher
from .ambience_presets import AmbiencePreset, GrainLayer, NoiseLayer, octave_spectrum

DEFAULT_ROOM_TONE: Final = "room"
"""Name of the tone of a place that is not known."""

_QUIET_LEAVES = octave_spectrum(-70, -60, -50, -36, -26, -18, -10, -6, -7, -14)
_QUIET_AIR = octave_spectrum(-9, -6, -6, -8, -11, -16, -22, -28, -35, -44)

ROOM_TONES: Final[Mapping[str, AmbiencePreset]] = {
    "room": AmbiencePreset(
        (
            "indoors",
            "interior",
            "living room",
            "bedroom",
            "apartment",
            "flat",
            "house",
            "library",
            "studio",
            "classroom",
        ),
        (
            NoiseLayer(
                -52.0,
                octave_spectrum(-6, 0, -5, -10, -15, -20, -25, -30, -36, -44),
                octave_spectrum(-5, 0, -4, -9, -13, -18, -23, -28, -34, -42),
                drift_seconds=9.0,
            ),
        ),
    ),
    "hall": AmbiencePreset(
        ("corridor", "lobby", "church", "cathedral", "museum", "gym", "theatre", "theater", "castle", "warehouse"),
        (
            NoiseLayer(
                -51.5,
                octave_spectrum(-5, 0, -4, -8, -14, -20, -27, -35, -43, -54),
                octave_spectrum(-3, 0, -3, -7, -12, -18, -25, -33, -41, -52),
                drift_seconds=12.0,
            ),
        ),
    ),
    "office": AmbiencePreset(
        ("desk", "meeting room", "conference room", "laboratory", "lab", "hospital", "shop", "store", "school"),
        (
            NoiseLayer(  # ventilation and computers: more hiss than in a flat
                -51.5,
                octave_spectrum(-14, -7, -4, -5, -8, -12, -16, -21, -28, -37),
                octave_spectrum(-13, -6, -4, -4, -7, -11, -15, -20, -27, -36),
                drift_seconds=8.0,
            ),
        ),
    ),
    "kitchen": AmbiencePreset(
        ("fridge", "refrigerator", "restaurant kitchen", "canteen", "laundry"),
        (
            NoiseLayer(
                -57.0,
                octave_spectrum(-6, 0, -5, -9, -13, -17, -22, -27, -33, -42),
                octave_spectrum(-5, 0, -4, -8, -12, -16, -21, -26, -32, -41),
                drift_seconds=9.0,
            ),
            NoiseLayer(  # the compressor of a refrigerator: harmonics of the mains, through its cabinet
                -55.0,
                (
                    (60, -30),
                    (92, -14),
                    (100, 0),
                    (108, -14),
                    (190, -16),
                    (200, -5),
                    (210, -16),
                    (300, -12),
                    (900, -34),
                    (20000, -90),
                ),
                (
                    (60, -28),
                    (92, -13),
                    (100, 0),
                    (108, -13),
                    (190, -14),
                    (200, -4),
                    (210, -14),
                    (300, -10),
                    (900, -32),
                    (20000, -88),
                ),
                drift_seconds=14.0,
            ),
        ),
    ),
    "bathroom": AmbiencePreset(
        ("toilet", "restroom", "washroom", "shower room", "changing room"),
        (
            NoiseLayer(  # an extractor fan behind a grille
                -54.0,
                octave_spectrum(-16, -10, -6, -5, -6, -9, -14, -19, -25, -34),
                octave_spectrum(-15, -9, -6, -4, -5, -8, -13, -18, -24, -33),
                drift_seconds=8.0,
            ),
        ),
    ),
    "basement": AmbiencePreset(
        ("cellar", "garage", "workshop", "factory", "bunker", "tunnel", "cave", "dungeon", "parking garage"),
        (
            NoiseLayer(
                -51.0,
                octave_spectrum(-3, 0, -5, -11, -18, -25, -32, -40, -48, -58),
                octave_spectrum(-1, 0, -4, -9, -16, -23, -30, -38, -46, -56),
                drift_seconds=11.0,
            ),
        ),
    ),
    "car interior": AmbiencePreset(
        ("car", "in a car", "inside a car", "truck", "bus", "van", "taxi", "vehicle", "driving"),
        (
            NoiseLayer(  # an idling engine and the road far below
                -48.0,
                octave_spectrum(-1, -3, -9, -15, -20, -26, -32, -39, -46, -56),
                octave_spectrum(0, -2, -8, -13, -17, -23, -29, -36, -43, -53),
                drift_seconds=4.0,
            ),
        ),
    ),
    "cabin": AmbiencePreset(
        ("airplane", "aeroplane", "plane", "aircraft", "spaceship", "train", "submarine", "engine room", "server room"),
        (
            NoiseLayer(
                -50.5,
                octave_spectrum(-10, -3, -5, -6, -10, -14, -19, -25, -33, -44),
                octave_spectrum(-9, -2, -5, -5, -9, -13, -18, -24, -32, -43),
                drift_seconds=9.0,
            ),
        ),
    ),
    "outdoor": AmbiencePreset(
        (
            "outdoors",
            "outside",
            "exterior",
            "field",
            "meadow",
            "garden",
            "park",
            "countryside",
            "mountain",
            "desert",
            "yard",
            "lawn",
            "beach",
            "snow",
        ),
        (
            NoiseLayer(
                -52.5, _QUIET_AIR, octave_spectrum(-10, -6, -5, -6, -9, -14, -20, -26, -33, -42), drift_seconds=5.0
            ),
            NoiseLayer(-67.0, _QUIET_LEAVES, _QUIET_LEAVES, drift_seconds=4.0),
        ),
    ),
    "forest": AmbiencePreset(
        ("woodland", "jungle", "trees"),
        (
            NoiseLayer(-55.0, _QUIET_AIR, _QUIET_AIR, drift_seconds=6.0),
            NoiseLayer(
                -59.5,
                octave_spectrum(-70, -60, -50, -36, -26, -20, -14, -12, -13, -20),
                _QUIET_LEAVES,
                drift_seconds=4.0,
            ),
        ),
    ),
    "night": AmbiencePreset(
        ("at night", "night time", "nighttime", "dusk", "evening"),
        (
            NoiseLayer(-55.5, _QUIET_AIR, _QUIET_AIR, drift_seconds=6.0),
            NoiseLayer(-70.0, _QUIET_LEAVES, _QUIET_LEAVES, drift_seconds=6.0),
        ),
        (GrainLayer("cricket", 1.0, -61.5),),
    ),
    "distant street": AmbiencePreset(
        ("street", "city", "town", "urban", "road", "pavement", "sidewalk", "parking lot", "rooftop", "balcony"),
        (
            NoiseLayer(  # traffic some blocks away: houses and air have taken the treble
                -51.0,
                octave_spectrum(-12, -4, -4, -7, -10, -13, -20, -29, -40, -52),
                octave_spectrum(-11, -3, -4, -6, -8, -10, -17, -26, -37, -49),
                drift_seconds=6.0,
            ),
        ),
    ),
    "seaside": AmbiencePreset(
        ("sea", "ocean", "shore", "coast", "harbour", "harbor", "lake", "river bank"),
        (
            NoiseLayer(
                -51.5,
                octave_spectrum(-14, -8, -7, -9, -11, -12, -14, -18, -24, -34),
                octave_spectrum(-14, -8, -6, -6, -7, -8, -10, -14, -20, -30),
                drift_seconds=3.5,
            ),
        ),
    ),
}

_VOCABULARY: Final[prompt_matcher.Vocabulary] = {
    "place": {name: preset.spellings for name, preset in ROOM_TONES.items()}
}


def room_tone_for(place: str) -> AmbiencePreset:
    """Return the room tone of the first place that a text names, or that of a quiet room when it names none."""
    named = prompt_matcher.match_prompt(place, _VOCABULARY).matched.get("place", (DEFAULT_ROOM_TONE,))
    return ROOM_TONES[named[0]]
