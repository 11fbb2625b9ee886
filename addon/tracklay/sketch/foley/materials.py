"""The materials an impact can sound like, as data for `modal_synth`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

SpectrumShape = Sequence[tuple[float, float]]
"""A spectrum as (Hz, dB) points, straight between them on a scale of octaves."""

# Frequencies of the modes as ratios to the lowest.
_FREE_BAR = (1.0, 2.756, 5.404, 8.933, 13.344, 18.638)
"""Thin bar, both ends free: squares of the roots of cos(b) cosh(b) = 1 (Euler and Bernoulli)."""
_THICK_BAR = (1.0, 1.47, 2.57, 3.31, 4.52, 6.1, 7.4, 9.2, 11.3)
"""Block half as thick as it is long: shear lowers the upper bending modes (Timoshenko); torsion modes are between them."""
_MEMBRANE = (1.0, 1.593, 2.136, 2.296, 2.653, 2.918, 3.156, 3.501, 3.600, 4.060)
"""Ideal circular membrane: zeros of the Bessel functions J_m over the first, 2.405."""
_FREE_DISC = (1.0, 1.730, 2.328, 3.906, 4.110, 6.300, 6.711, 7.339, 8.81, 10.07, 11.40, 13.9, 17.2, 20.3, 23.1, 26.4)
"""Free circular plate, Poisson's ratio 0.33 (Leissa, Vibration of Plates); ratios from 8.81 on are extrapolated."""
_WINE_GLASS = (1.0, 1.58, 2.32, 3.37, 4.25, 5.4, 6.63, 8.1, 9.38, 12.5)
"""Rim modes 1, 2.32, 4.25, 6.63, 9.38 of a goblet, near n squared (Fletcher and Rossing, The Physics of Musical
Instruments); the weaker modes between them belong to bowl and foot."""
_BOARD = tuple(sorted((m * m + (n / 0.62) ** 2) / (1 + 0.62**-2) for m in range(1, 5) for n in range(1, 4)))
"""Simply supported board, sides 1 to 0.62: frequency goes as (m/a) squared + (n/b) squared."""


@dataclass(frozen=True, slots=True)
class GrainBurst:
    """Small sounds after a hit: bubbles, shards, grit.

    Attributes:
        count: grains at full strength; a soft hit has fewer.
        seconds: length of the burst, about.
        min_hz: lowest pitch of a grain.
        max_hz: highest pitch of a grain.
        decay_cycles: periods of its pitch in which a grain falls by 60 dB.
        level_db: level relative to the hit, dB.
        pitch_rise: share of its pitch by which a grain rises while it decays.
    """

    count: int
    seconds: float
    min_hz: float
    max_hz: float
    decay_cycles: float
    level_db: float
    pitch_rise: float = 0.0


@dataclass(frozen=True, slots=True)
class Material:
    """The sound of one material when it is struck.

    Attributes:
        spellings: words of a prompt that mean this material.
        pitch_hz: lowest mode of an object of the reference size.
        modes: frequencies of the modes, as ratios to the lowest.
        damping: a mode at f Hz decays by `damping[0] + damping[1] * f` nepers per second. The first part is loss to air
            and support, the second is internal friction, which is nearly constant per cycle in solids.
        contact_seconds: duration of the contact at full strength. It removes what is above about 1 / (2 contact) Hz.
        noise_db: level of the contact noise relative to the modes, dB.
        noise_seconds: time in which the contact noise falls by 60 dB.
        noise_shape: spectrum of the contact noise.
        size_power: the pitch falls as the object's size to this power.
        mode_tilt: a mode's level falls as its ratio to this power.
        mode_spread: share by which a mode's frequency varies from hit to hit, at most.
        mode_split: share by which each mode is split into two that beat, as in a real body, which is never quite symmetric.
        pitch_glide: share by which the pitch starts too high (negative: too low).
        grain_bursts: small sounds after the hit.
        second_contact: seconds after the first contact, and level relative to it in dB: the ball of the foot after the heel.
        trim_db: correction, in dB, that makes this material as loud as the others.
    """

    spellings: tuple[str, ...]
    pitch_hz: float
    modes: tuple[float, ...]
    damping: tuple[float, float]
    contact_seconds: float
    noise_db: float
    noise_seconds: float
    noise_shape: SpectrumShape
    size_power: float = 0.5
    mode_tilt: float = 0.5
    mode_spread: float = 0.02
    mode_split: float = 0.0
    pitch_glide: float = 0.0
    grain_bursts: tuple[GrainBurst, ...] = ()
    second_contact: tuple[float, float] | None = None
    trim_db: float = 0.0


DEFAULT_MATERIAL: Final = "plain"
"""The material when the prompt names none: a neutral knock."""

MATERIALS: Final[Mapping[str, Material]] = {
    DEFAULT_MATERIAL: Material(
        spellings=("knock", "thud", "thump"),
        pitch_hz=150, modes=(1.0, 1.83, 2.9, 4.3, 6.1), damping=(34.0, 0.05), contact_seconds=0.6e-3, mode_tilt=0.9, mode_spread=0.05,
        noise_db=-5, noise_seconds=0.07, noise_shape=((60, -12), (200, 0), (1200, -6), (5000, -20), (16000, -40)),
    ),
    "wood": Material(
        spellings=("wooden", "plank", "board", "timber", "log", "oak", "pine", "door", "box", "crate", "table",
                   "desk", "chair", "stick", "floorboard", "parquet", "bamboo", "marimba", "cupboard", "drawer",
                   "knocking", "mallet", "floorboards", "bat", "baseball bat", "bowling pin", "pin",
                   "skateboard", "fence", "shelf", "cutting board", "door slam"),
        pitch_hz=210, modes=_BOARD, damping=(22.0, 0.045), contact_seconds=0.45e-3, mode_tilt=0.35, mode_spread=0.03,
        noise_db=-9, noise_seconds=0.05, noise_shape=((80, -14), (400, 0), (2500, -5), (7000, -18), (16000, -36)),
    ),
    "metal": Material(
        spellings=("metallic", "anvil", "hammer", "steel", "iron", "tin", "brass", "copper", "aluminium", "aluminum",
                   "blade", "sword", "knife", "chain", "coin", "key", "bell", "gong", "pipe", "saucepan", "tin can",
                   "clang", "clank", "wrench", "cymbal", "girder", "cutlery", "spoon", "nail", "pot", "pan", "robot",
                   "machine", "gate", "fork", "scissors", "tool", "armour", "armor", "shield", "axe",
                   "sword fight", "tin roof", "metal roof", "pots and pans", "car door", "locker", "lock"),
        pitch_hz=420, modes=_FREE_DISC, damping=(3.2, 0.0011), contact_seconds=0.07e-3, mode_tilt=0.12, mode_spread=0.015,
        mode_split=0.0035,
        noise_db=-8, noise_seconds=0.03, noise_shape=((200, -24), (1500, -6), (5000, 0), (12000, -4), (20000, -14)),
    ),
    "glass": Material(
        spellings=("bottle", "window pane", "jar", "crystal", "wine glass", "goblet", "vase", "porcelain", "ceramic",
                   "plate", "cup", "china", "light bulb", "ice cubes", "clink", "tinkle", "mug", "saucer", "dish",
                   "bowl", "teacup", "coffee cup"),
        pitch_hz=1500, modes=_WINE_GLASS, damping=(6.0, 0.0016), contact_seconds=0.05e-3, mode_tilt=0.1, mode_spread=0.03, mode_split=0.002,
        noise_db=-10, noise_seconds=0.018, noise_shape=((500, -30), (3000, -6), (8000, 0), (14000, -2), (20000, -8)),
    ),
    "shatter": Material(
        spellings=("broken glass", "breaking glass", "glass breaking", "shattering glass", "glass shattering",
                   "smashed glass", "smashing glass", "smash"),
        pitch_hz=1300, modes=_WINE_GLASS, damping=(30.0, 0.006), contact_seconds=0.06e-3, mode_tilt=0.1, mode_spread=0.08,
        noise_db=2, noise_seconds=0.16, noise_shape=((300, -26), (1500, -8), (5000, 0), (12000, -1), (20000, -6)),
        grain_bursts=(GrainBurst(count=46, seconds=0.55, min_hz=2200, max_hz=9500, decay_cycles=420, level_db=-17),),
    ),
    "water": Material(
        # A bubble rings at 3.26 / radius Hz (Minnaert) and rises in pitch as it nears the surface (van den Doel, 2005).
        spellings=("splash", "puddle", "drip", "water drop", "droplet", "dive", "pool", "liquid", "wet", "plop",
                   "swim"),
        pitch_hz=320, modes=(1.0,), damping=(45.0, 0.05), contact_seconds=0.25e-3, mode_tilt=0.5, mode_spread=0.2, pitch_glide=-0.35,
        noise_db=4, noise_seconds=0.28, noise_shape=((120, -20), (400, -3), (1200, 0), (5000, -8), (16000, -22)),
        grain_bursts=(
            GrainBurst(count=14, seconds=0.24, min_hz=420, max_hz=2400, decay_cycles=32, level_db=-3, pitch_rise=0.35),
            GrainBurst(count=26, seconds=0.40, min_hz=2200, max_hz=6500, decay_cycles=26, level_db=-15, pitch_rise=0.15),
        ),
    ),
    "stone": Material(
        spellings=("rock", "concrete", "brick", "pebble", "marble", "boulder", "granite", "tile", "cement", "asphalt",
                   "pavement", "slab", "cliff", "rubble", "floor tile", "gravestone", "wall"),
        pitch_hz=560, modes=_THICK_BAR, damping=(60.0, 0.03), contact_seconds=0.2e-3, mode_tilt=0.15, mode_spread=0.06,
        noise_db=0, noise_seconds=0.045, noise_shape=((100, -16), (600, -4), (2500, 0), (7000, -6), (18000, -22)),
        grain_bursts=(GrainBurst(count=7, seconds=0.12, min_hz=1800, max_hz=5200, decay_cycles=14, level_db=-20),),
    ),
    "cloth": Material(
        spellings=("fabric", "carpet", "clothes", "clothing", "cushion", "pillow", "bed", "sofa", "couch", "mattress",
                   "curtain", "towel", "blanket", "rug", "leather", "bag", "coat", "body", "punch", "fur", "rustle",
                   "jacket", "dress", "sit", "hug", "body fall", "bedsheet", "flag", "sail"),
        pitch_hz=85, modes=(1.0, 1.7), damping=(60.0, 0.2), contact_seconds=4e-3, mode_tilt=1.0, mode_spread=0.08,
        noise_db=3, noise_seconds=0.13,
        noise_shape=((40, -10), (110, 0), (350, -6), (1200, -17), (4000, -30), (12000, -48)),
    ),
    "drum": Material(
        spellings=("tom", "tom tom", "kick drum", "bass drum", "bongo", "conga", "djembe", "timpani", "taiko", "barrel",
                   "drumstick", "drummer"),
        pitch_hz=95, modes=_MEMBRANE, damping=(7.5, 0.022), contact_seconds=1.0e-3, mode_tilt=0.55, mode_spread=0.008, pitch_glide=0.06,
        noise_db=-11, noise_seconds=0.035, noise_shape=((80, -16), (500, -4), (2500, 0), (6000, -10), (16000, -30)),
    ),
    "rubber": Material(
        spellings=("ball", "bouncy ball", "rubber ball", "basketball", "football", "soccer ball", "tennis ball",
                   "bounce", "bouncy", "tyre", "tire", "balloon", "trampoline", "tennis"),
        pitch_hz=125, modes=(1.0, 1.58, 2.43, 4.9, 7.1), damping=(24.0, 0.035), contact_seconds=2.2e-3, mode_tilt=0.8, mode_spread=0.03,
        pitch_glide=0.1,
        noise_db=-8, noise_seconds=0.03, noise_shape=((80, -8), (300, 0), (1200, -6), (4000, -20), (12000, -40)),
    ),
    "plastic": Material(
        spellings=("plastics", "toy", "bucket", "lego", "keyboard", "mouse click", "click", "button", "switch",
                   "ping pong ball", "ping pong", "table tennis", "billiard ball", "billiard", "snooker", "pool ball",
                   "dice", "type", "typing", "typewriter", "phone", "remote"),
        pitch_hz=640, modes=_FREE_BAR, damping=(55.0, 0.03), contact_seconds=0.25e-3, mode_tilt=0.4, mode_spread=0.06,
        noise_db=-6, noise_seconds=0.025, noise_shape=((200, -20), (900, -3), (3000, 0), (8000, -10), (18000, -28)),
    ),
    "step": Material(
        spellings=("footstep", "foot step", "footfall", "foot", "feet", "shoe", "boot", "heel", "walk", "jog",
                   "runner", "stairs", "dance", "dancer", "tap dance", "high heels", "sneaker", "sneakers", "run",
                   "running", "march", "marching", "hoof", "horse", "gallop", "trot", "paw"),
        pitch_hz=105, modes=(1.0, 1.9, 3.1, 5.2), damping=(48.0, 0.06), contact_seconds=0.6e-3, mode_tilt=0.8, mode_spread=0.07,
        noise_db=2, noise_seconds=0.055,
        noise_shape=((60, -8), (160, 0), (800, -7), (2500, -10), (7000, -22), (16000, -40)),
        grain_bursts=(GrainBurst(count=9, seconds=0.07, min_hz=1500, max_hz=4800, decay_cycles=6, level_db=-21),),
        second_contact=(0.085, -12.0),
    ),
    "gravel": Material(
        spellings=("snow", "leaf", "leaves", "sand", "dirt", "soil", "earth", "mud", "grass", "crunch",
                   "twigs", "dry leaves", "pebbles underfoot", "grit"),
        pitch_hz=95, modes=(1.0, 1.8), damping=(70.0, 0.1), contact_seconds=0.3e-3, mode_tilt=1.0, mode_spread=0.1,
        noise_db=5, noise_seconds=0.11, noise_shape=((60, -10), (200, -3), (900, -4), (3500, 0), (9000, -8), (18000, -22)),
        grain_bursts=(GrainBurst(count=60, seconds=0.11, min_hz=1200, max_hz=7500, decay_cycles=5, level_db=-13),),
    ),
}  # fmt: skip
