"""The ambiences, as data for `ambience`: noise layers and grain layers for each place."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from .noise import SpectrumShape


@dataclass(frozen=True, slots=True)
class Swell:
    """A sound that comes and goes: a wave on the shore, a passing car.

    Attributes:
        period_seconds: average time from the start of one swell to the next.
        rise_seconds: time scale of the rise to the peak.
        fall_seconds: time scale of the fall after it.
        is_passing: the sound crosses the stereo image.
    """

    period_seconds: float
    rise_seconds: float
    fall_seconds: float
    is_passing: bool = False


@dataclass(frozen=True, slots=True)
class NoiseLayer:
    """Noise whose spectrum moves between two shapes.

    Attributes:
        level_db: level at the full spectrum, dBFS RMS.
        rest_spectrum: shape at rest.
        full_spectrum: shape at the peak.
        drift_seconds: time scale of the random drift between the two; unused when there is a swell.
        swell: moves the spectrum instead of the drift.
        whistle: lowest and highest frequency in Hz of a wandering resonance, and its gain in dB.
    """

    level_db: float
    rest_spectrum: SpectrumShape
    full_spectrum: SpectrumShape
    drift_seconds: float = 6.0
    swell: Swell | None = None
    whistle: tuple[float, float, float] | None = None


@dataclass(frozen=True, slots=True)
class GrainLayer:
    """Small sounds on top of the noise: `rate_per_second` on average, with peaks around `level_db` dBFS."""

    kind: Literal["drop", "patter", "bubble", "bird", "crackle", "cricket", "murmur", "cheer", "clap", "clink"]
    rate_per_second: float
    level_db: float


@dataclass(frozen=True, slots=True)
class AmbiencePreset:
    """One ambience: the words of a prompt that mean it, and its layers."""

    spellings: tuple[str, ...]
    noise_layers: tuple[NoiseLayer, ...]
    grain_layers: tuple[GrainLayer, ...] = ()


_OCTAVE_CENTRES_HZ = (31.5, 63, 125, 250, 500, 1000, 2000, 4000, 8000, 16000)


def octave_spectrum(*levels_db: float) -> SpectrumShape:
    """Return the shape of a noise with these levels in the octaves from 31.5 Hz to 16 kHz, dB.

    Octave levels are what analysers show of a recording; a shape has the level per Hz, so each octave up is 3 dB less.
    """
    shape = [
        (centre, level - 10 * math.log10(centre / 1000))
        for centre, level in zip(_OCTAVE_CENTRES_HZ, levels_db, strict=True)
    ]
    # Half an octave above the last centre the band ends; without this point the shape would go on level.
    return (*shape, (22_600, shape[-1][1] - 6))


def _rain_layers(
    level_db: float, density: float, shape: SpectrumShape, *, low_boost_db: float = 0.0
) -> tuple[tuple[NoiseLayer, ...], tuple[GrainLayer, ...]]:
    """Return the layers of rain: noise for the many distant drops, grains for the near ones that are heard one by one."""
    # At rest rain is 2.5 dB quieter, with the same spectrum.
    light = tuple((hertz, decibels - 2.5) for hertz, decibels in shape)
    ground = ((60, -6), (150, 0), (350, -3), (900, -12), (3000, -34))
    return (
        (
            NoiseLayer(level_db, light, shape, drift_seconds=5.0),
            # The low thud of drops on the ground: barely audible in light rain, prominent in a downpour.
            NoiseLayer(level_db - 11 + low_boost_db, ground, ground, drift_seconds=3.0),
        ),
        (GrainLayer("drop", 26 * density, level_db + 9), GrainLayer("patter", 70 * density, level_db + 5)),
    )


_CALM_AIR = ((40, 0), (90, 0), (200, -7), (500, -17), (1500, -32), (6000, -54))
_FULL_AIR = octave_spectrum(-15, -9, -7, -5, -7, -12, -19, -27, -34, -42)
_MOVING_LEAVES = ((300, -24), (900, -10), (2500, -3), (5000, 0), (9000, -4), (18000, -18))
_STILL_LEAVES = ((300, -32), (900, -20), (2500, -13), (5000, -12), (9000, -18), (18000, -34))

# Octave levels of the presets follow recordings of the same things (loops of the open-source player Moodist and a clip
# of a waterfall), within a few dB. Drops that are heard one by one take the place of the top octaves of the noise.
_STEADY_RAIN = octave_spectrum(-44, -34, -25, -20, -15, -10, -7, -5, -5, -13)
_DENSE_RAIN = octave_spectrum(-36, -26, -18, -12, -8, -6, -6, -8, -10, -20)

AMBIENCE_PRESETS: Final[Mapping[str, AmbiencePreset]] = {
    "rain": AmbiencePreset(
        ("rainy", "raining", "rainfall", "raindrops", "shower"), *_rain_layers(-33.5, 1.0, _STEADY_RAIN)
    ),
    "drizzle": AmbiencePreset(
        ("light rain", "gentle rain", "soft rain", "drizzling"), *_rain_layers(-40.0, 0.45, _STEADY_RAIN)
    ),
    "downpour": AmbiencePreset(
        ("heavy rain", "pouring rain", "hard rain", "rainstorm", "rain storm", "thunderstorm", "storm", "monsoon"),
        *_rain_layers(-28.0, 1.8, _DENSE_RAIN, low_boost_db=5.0),
    ),
    "wind": AmbiencePreset(
        ("windy", "blustery", "gust", "draught", "draft", "desert", "mountain", "snowstorm", "blizzard"),
        (
            NoiseLayer(-32.0, _CALM_AIR, _FULL_AIR, drift_seconds=3.5, whistle=(280, 780, 9.0)),
            NoiseLayer(-50.0, _STILL_LEAVES, ((500, -12), (1500, 0), (4000, -5), (12000, -24)), drift_seconds=2.2),
        ),
    ),
    "breeze": AmbiencePreset(
        ("light wind", "gentle wind", "soft wind", "cold wind", "field", "meadow", "outdoors"),
        (
            NoiseLayer(-36.5, _CALM_AIR, _FULL_AIR, drift_seconds=5.0),
            NoiseLayer(-46.0, _STILL_LEAVES, _MOVING_LEAVES, drift_seconds=4.0),
        ),
    ),
    "gale": AmbiencePreset(
        ("strong wind", "heavy wind", "howling wind", "hurricane", "storm", "tempest"),
        (
            NoiseLayer(-28.5, _CALM_AIR, _FULL_AIR, drift_seconds=2.0, whistle=(320, 1100, 12.0)),
            NoiseLayer(-44.0, _STILL_LEAVES, ((500, -10), (1500, 0), (4000, -3), (12000, -20)), drift_seconds=1.6),
        ),
    ),
    "room": AmbiencePreset(
        (
            "indoors",
            "interior",
            "room tone",
            "office",
            "kitchen",
            "hall",
            "corridor",
            "apartment",
            "house",
            "bedroom",
            "living room",
            "bathroom",
            "lobby",
            "gym",
            "library",
            "museum",
            "workshop",
            "garage",
            "studio",
            "classroom",
            "school",
            "shop",
            "church",
            "castle",
            "basement",
        ),
        (
            NoiseLayer(
                -42.5,
                octave_spectrum(-5, -4, -6, -11, -15, -19, -24, -29, -34, -40),
                octave_spectrum(-4, -4, -5, -10, -13, -16, -21, -26, -31, -37),
                drift_seconds=9.0,
            ),
        ),
    ),
    "sea": AmbiencePreset(
        (
            "ocean",
            "beach",
            "surf",
            "waves",
            "shore",
            "seaside",
            "coast",
            "tide",
            "seashore",
            "waves crashing",
            "crashing waves",
            "harbour",
            "harbor",
        ),
        (
            NoiseLayer(-38.0, _CALM_AIR, ((50, 0), (150, -1), (500, -8), (2000, -18), (8000, -34)), drift_seconds=7.0),
            NoiseLayer(  # the wave breaks
                -27.0,
                ((60, -22), (200, -24), (700, -27), (2500, -33), (8000, -46)),
                ((60, -12), (200, -4), (700, -3), (2000, -7), (5000, -13), (12000, -26), (20000, -36)),
                swell=Swell(period_seconds=7.5, rise_seconds=2.0, fall_seconds=3.6),
            ),
            NoiseLayer(  # the foam runs back
                -37.0,
                octave_spectrum(-80, -80, -70, -60, -50, -38, -30, -27, -31, -42),
                octave_spectrum(-70, -60, -50, -40, -24, -11, -4, -3, -9, -20),
                swell=Swell(period_seconds=7.5, rise_seconds=2.8, fall_seconds=5.0),
            ),
        ),
    ),
    "stream": AmbiencePreset(
        ("river", "brook", "creek", "running water", "fountain"),
        (
            NoiseLayer(
                -36.0,
                octave_spectrum(-70, -60, -40, -22, -12, -7, -5, -7, -12, -20),
                octave_spectrum(-70, -60, -36, -19, -9, -5, -5, -7, -11, -18),
                drift_seconds=1.5,
            ),
        ),
        (GrainLayer("bubble", 60, -37),),
    ),
    "waterfall": AmbiencePreset(
        ("waterfalls", "cascade", "rapids", "weir", "cataract"),
        (
            NoiseLayer(  # the roar of falling water; the plunge pool is at the bottom, the spray at the top
                -25.0,
                octave_spectrum(-25, -19, -15, -9, -7, -7, -7, -9, -11, -19),
                octave_spectrum(-23, -17, -13, -8, -6, -6, -7, -8, -10, -18),
                drift_seconds=2.5,
            ),
        ),
        (GrainLayer("patter", 30, -38),),
    ),
    "traffic": AmbiencePreset(
        ("street", "city", "road", "cars", "urban", "highway", "motorway", "downtown", "avenue"),
        (
            NoiseLayer(
                -36.0,
                ((40, -6), (80, 0), (180, -3), (500, -11), (1000, -15), (3000, -30), (9000, -50)),
                ((40, -3), (80, 0), (180, -1), (500, -7), (1000, -10), (3000, -24), (9000, -44)),
                drift_seconds=8.0,
            ),
            NoiseLayer(  # a near car: engine at the bottom, tyres around 1 kHz
                -32.0,
                ((50, -40), (120, -40), (900, -44), (4000, -60)),
                ((50, -6), (120, 0), (300, -5), (900, -4), (1600, -8), (4000, -20), (10000, -36)),
                swell=Swell(period_seconds=5.5, rise_seconds=2.2, fall_seconds=2.8, is_passing=True),
            ),
            NoiseLayer(  # a second one, farther away: quieter, slower and duller
                -35.0,
                ((50, -40), (120, -40), (900, -44), (4000, -60)),
                ((50, -2), (90, 0), (250, -6), (800, -6), (1300, -9), (4000, -24), (10000, -40)),
                swell=Swell(period_seconds=8.0, rise_seconds=3.2, fall_seconds=3.6, is_passing=True),
            ),
        ),
    ),
    "forest": AmbiencePreset(
        (
            "woods",
            "woodland",
            "jungle",
            "birds",
            "birdsong",
            "bird song",
            "chirping",
            "birds chirping",
            "dawn",
            "nature",
            "park",
            "garden",
            "trees",
            "countryside",
        ),
        (
            NoiseLayer(-39.5, _STILL_LEAVES, _MOVING_LEAVES, drift_seconds=4.0),
            NoiseLayer(-42.0, _CALM_AIR, _CALM_AIR, drift_seconds=6.0),
        ),
        (GrainLayer("bird", 0.5, -29.0),),
    ),
    "night": AmbiencePreset(
        ("crickets", "cicadas", "night time", "nighttime", "dusk", "evening"),
        (
            NoiseLayer(-45.0, _STILL_LEAVES, _MOVING_LEAVES, drift_seconds=6.0),
            NoiseLayer(-44.0, _CALM_AIR, _CALM_AIR, drift_seconds=6.0),
        ),
        (GrainLayer("cricket", 1.6, -34.0),),
    ),
    "hum": AmbiencePreset(
        (
            "airplane",
            "aeroplane",
            "plane",
            "cabin",
            "spaceship",
            "engine room",
            "server room",
            "drone",
            "ventilation",
            "air conditioner",
            "air conditioning",
            "fridge",
            "submarine",
        ),
        (
            NoiseLayer(
                -36.0,
                (
                    (45, -6),
                    (90, 0),
                    (110, -9),
                    (180, -3),
                    (220, -12),
                    (500, -16),
                    (1500, -26),
                    (6000, -44),
                    (20000, -62),
                ),
                (
                    (45, -4),
                    (90, 1),
                    (110, -8),
                    (180, -1),
                    (220, -10),
                    (500, -13),
                    (1500, -22),
                    (6000, -40),
                    (20000, -58),
                ),
                drift_seconds=9.0,
            ),
        ),
    ),
    "fire": AmbiencePreset(
        ("campfire", "fireplace", "bonfire", "flames", "burning", "crackling fire", "crackling", "crackling campfire"),
        (
            NoiseLayer(
                -38.0,
                ((40, -4), (120, 0), (400, -6), (1500, -12), (6000, -17), (20000, -30)),
                ((40, 0), (120, 2), (400, -1), (1500, -5), (6000, -9), (20000, -22)),
                drift_seconds=0.9,
            ),
        ),
        (GrainLayer("crackle", 11, -22),),
    ),
    "crowd": AmbiencePreset(
        ("crowded", "people talking", "many people", "crowd murmur"),
        (
            NoiseLayer(  # voices too far away to be distinguished, and the room around them
                -39.0,
                octave_spectrum(-9, -14, -9, -6, -4, -9, -14, -18, -24, -44),
                octave_spectrum(-9, -14, -8, -5, -3, -8, -13, -17, -23, -42),
                drift_seconds=2.0,
            ),
        ),
        (GrainLayer("murmur", 9, -27.0),),
    ),
    "applause": AmbiencePreset(
        ("standing ovation", "clapping audience", "audience applauding", "round of applause"),
        (
            NoiseLayer(
                -30.0,
                octave_spectrum(-36, -32, -36, -30, -16, -3, -8, -9, -24, -38),
                octave_spectrum(-36, -32, -36, -30, -16, -2, -8, -8, -24, -38),
                drift_seconds=3.0,
            ),
        ),
        (GrainLayer("clap", 90, -18.5),),
    ),
    "cheering": AmbiencePreset(
        ("crowd cheering", "cheering crowd", "crowd cheers", "stadium crowd", "stadium", "goal celebration"),
        (
            NoiseLayer(
                -31.0,
                octave_spectrum(-40, -32, -24, -14, -7, -3, -6, -12, -22, -36),
                octave_spectrum(-40, -32, -24, -13, -5, -2, -5, -10, -19, -33),
                drift_seconds=2.5,
            ),
        ),
        (GrainLayer("cheer", 12, -20.0), GrainLayer("clap", 40, -22.0)),
    ),
    "restaurant": AmbiencePreset(
        ("cafe", "pub", "tavern", "canteen", "dining room", "diner", "coffee shop", "bistro"),
        (
            NoiseLayer(
                -43.0,
                octave_spectrum(-50, -40, -22, -13, -4, -7, -9, -15, -28, -42),
                octave_spectrum(-50, -39, -21, -12, -3, -6, -8, -14, -27, -41),
                drift_seconds=2.0,
            ),
        ),
        (GrainLayer("murmur", 5, -28.0), GrainLayer("clink", 1.6, -19.0)),
    ),
    "market": AmbiencePreset(
        ("marketplace", "bazaar", "fairground", "shopping street", "supermarket", "mall", "train station", "station"),
        (
            NoiseLayer(  # steps, bags and carts beside the voices
                -35.0,
                octave_spectrum(-14, -13, -7, -9, -9, -9, -13, -12, -14, -40),
                octave_spectrum(-14, -13, -6, -8, -8, -8, -12, -11, -13, -38),
                drift_seconds=3.0,
            ),
        ),
        (GrainLayer("murmur", 7, -26.0), GrainLayer("cheer", 0.25, -28.0), GrainLayer("clink", 0.8, -24.0)),
    ),
}
