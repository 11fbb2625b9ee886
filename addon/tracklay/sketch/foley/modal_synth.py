"""What a hit sounds like: the materials as data, and modal synthesis that strikes one of them.

Mono and dry, one hit at a time; where it lands in time and in the stereo picture is `foley`'s business.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Mapping

Mono = npt.NDArray[np.float32]
SpectrumShape = Sequence[tuple[float, float]]
"""A spectrum as (Hz, dB) points, straight between them on a scale of octaves."""

SAMPLE_RATE: Final = 48_000
MAX_IMPACT_SAMPLES: Final = int(3.2 * SAMPLE_RATE)
"""Samples after which a ring-out has been faded to nothing."""

_LN_1000 = 6.9078
"""A decay of `rate` nepers a second falls by 60 dB in _LN_1000 / rate seconds."""
_REFERENCE_SIZE = 0.15
"""The share of the frame's width at which a material sounds at its `pitch_hz`."""
_ATTACK_SAMPLES = (12, 38)
"""Samples over which a hit rises to its full level, from hard to soft: a quarter to four fifths of a millisecond."""
_DYNAMIC_RANGE_DB = 20.0
"""dB between the softest hit and the hardest."""
_PHASOR_ROW_SAMPLES = 256
"""Samples in a row when a decaying phasor is built as an outer product."""
_PHASOR_FINE_STEPS = 16
"""Steps that are themselves built so."""

# Mode frequencies relative to the lowest.
_FREE_BAR = (1.0, 2.756, 5.404, 8.933, 13.344, 18.638)
"""Thin bar, both ends free: squares of the roots of cos(b) cosh(b) = 1 (Euler and Bernoulli)."""
_THICK_BAR = (1.0, 1.47, 2.57, 3.31, 4.52, 6.1, 7.4, 9.2, 11.3)
"""A chunk as thick as half its length: shear lowers the upper bending modes (Timoshenko), twisting lies between."""
_MEMBRANE = (1.0, 1.593, 2.136, 2.296, 2.653, 2.918, 3.156, 3.501, 3.600, 4.060)
"""Ideal circular membrane: zeros of the Bessel functions J_m over the first, 2.405."""
_FREE_DISC = (1.0, 1.730, 2.328, 3.906, 4.110, 6.300, 6.711, 7.339, 8.81, 10.07, 11.40, 13.9, 17.2, 20.3, 23.1, 26.4)
"""Free circular plate, Poisson's ratio 0.33 (Leissa, Vibration of Plates); from 8.81 on by the trend of its density."""
_WINE_GLASS = (1.0, 1.58, 2.32, 3.37, 4.25, 5.4, 6.63, 8.1, 9.38, 12.5)
"""Rim modes 1, 2.32, 4.25, 6.63, 9.38 of a goblet, near n squared (Fletcher and Rossing, The Physics of Musical
Instruments); between them weaker ones of bowl and foot."""
_BOARD = tuple(sorted((m * m + (n / 0.62) ** 2) / (1 + 0.62**-2) for m in range(1, 5) for n in range(1, 4)))
"""Simply supported board, sides 1 to 0.62: frequency goes as (m/a) squared + (n/b) squared."""


@dataclass(frozen=True, slots=True)
class GrainBurst:
    """Small sounds strewn after a hit: bubbles, shards, grit.

    `count` of them at full strength, over about `seconds`, each a damped tone between `min_hz` and `max_hz` Hz lasting
    `decay_cycles` periods to 60 dB down, its pitch rising by `pitch_rise` of itself over that time; `level_db` in dB against the hit.
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
    """How one material answers a blow.

    A mode at f Hz decays by `loss[0] + loss[1] * f` nepers a second (air and support, then inner friction, which is
    near constant per cycle in solids). `contact_seconds` is how long the blow lasts at full strength, in seconds: it takes away
    what is above about 1 / (2 contact) Hz. `pitch_hz` is the lowest mode in Hz, falling as size to the power
    `size_power`; the others grow weaker as their ratio to the power `mode_tilt`, straying by up to `mode_spread` from hit to hit.
    `mode_split` parts each mode into two that beat, as a real body's near-symmetry does. `shaped_noise` is the level of the crack
    itself in dB against the modes, `noise_seconds` its time to fall 60 dB. `pitch_glide` is how sharp the pitch begins.
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
    """A second, lesser contact (seconds after the first, dB against it): the ball of the foot after the heel."""
    trim_db: float = 0.0
    """dB that evens this material's loudness with the others'."""


DEFAULT_MATERIAL: Final = "plain"
"""What a hit is when the prompt names no material: a knock that could be many things."""

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
        pitch_hz=420, modes=_FREE_DISC, damping=(3.2, 0.0011), contact_seconds=0.07e-3, mode_tilt=0.12, mode_spread=0.015, mode_split=0.0035,
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
        # Bubbles ring at 3.26 / radius Hz (Minnaert) and rise as they near the surface (van den Doel, 2005).
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


def render_impact(material: Material, *, strength: float, size: float, rng: np.random.Generator) -> Mono:
    """One hit: mono samples at SAMPLE_RATE, the first of them the onset and already audible, ending in silence.

    `strength` and `size` run from 0 to 1. The loudest 30 ms lie near -14 dBFS at full strength, 20 dB below at none,
    and peaks stay below -4 dBFS. Draws from `rng`; the same state gives the same samples.
    """
    strength = min(max(strength, 0.0), 1.0)
    lowering = (_REFERENCE_SIZE / min(max(size, 0.02), 1.0)) ** material.size_power
    pitch = material.pitch_hz * lowering * 2.0 ** rng.uniform(-0.06, 0.06)
    # A harder blow is over sooner (Hertz: as speed to the -1/5) and flattens the surfaces more; taken further here,
    # since a soft hit is heard as dull long before physics makes it so.
    contact = material.contact_seconds * 3.2 ** (1.0 - strength) * lowering**-0.5
    body = _render_modes(material, pitch, contact, rng)
    crack = _render_contact_noise(material, contact, rng)
    hit = np.zeros(min(max(len(body), len(crack)), MAX_IMPACT_SAMPLES), np.float32)
    hit[: len(body)] += body[: len(hit)]
    hit[: len(crack)] += crack * np.float32(10 ** (material.noise_db / 20))
    if material.pitch_glide:
        hit = _apply_pitch_glide(hit, material.pitch_glide * (0.3 + 0.7 * strength))
    for scatter in material.grain_bursts:
        hit = _add_grains(hit, scatter, strength, lowering**0.5, rng)
    if material.second_contact is not None:
        after, level = material.second_contact
        start = int((after + rng.uniform(-0.015, 0.02)) * SAMPLE_RATE)
        later = _render_contact_noise(material, 2.5 * contact, rng) * np.float32(
            10 ** ((level + rng.uniform(-3, 2)) / 20)
        )
        later[: _ATTACK_SAMPLES[1]] *= np.linspace(0, 1, _ATTACK_SAMPLES[1], dtype=np.float32)
        hit = _add_at(hit, later, start)
    attack = int(np.clip(0.5 * contact * SAMPLE_RATE, *_ATTACK_SAMPLES))
    hit[:attack] *= np.linspace(1 / attack, 1, attack, dtype=np.float32)
    tail = min(len(hit), SAMPLE_RATE // 50)
    hit[-tail:] *= np.linspace(1, 0, tail, dtype=np.float32)
    return hit * _level_gain(hit, strength, material.trim_db + rng.uniform(-1.0, 1.0))


def shaped_noise(shape: SpectrumShape, samples: int, rng: np.random.Generator) -> Mono:
    """`samples` of steady noise with the spectrum `shape`, RMS 1; it repeats with that period, so use it once."""
    bins = samples // 2 + 1
    spectrum = spectrum_amplitudes(shape, samples) * np.exp(2j * np.pi * rng.random(bins))
    wave: Mono = np.fft.irfft(spectrum, samples).astype(np.float32)
    return wave / np.float32(np.sqrt(np.mean(np.square(wave))) + 1e-9)


def spectrum_amplitudes(shape: SpectrumShape, samples: int) -> npt.NDArray[np.float64]:
    """The linear amplitude of each bin of an FFT of `samples` samples under the spectrum `shape`; nothing at 0 Hz."""
    hertz = np.arange(samples // 2 + 1) * (SAMPLE_RATE / samples)
    octaves = np.log2(np.maximum(hertz, 1.0))
    points = np.array(shape, dtype=np.float64)
    # Below the lowest point the spectrum goes on falling, 12 dB an octave, so that no bed rumbles below hearing.
    decibels = np.interp(octaves, np.log2(points[:, 0]), points[:, 1])
    decibels -= 12.0 * np.maximum(np.log2(points[0, 0]) - octaves, 0.0)
    linear: npt.NDArray[np.float64] = 10 ** (decibels / 20)
    linear[0] = 0.0
    return linear


WHOOSH_HOP_SAMPLES: Final = 512
"""Samples between the frames of a rush."""


def render_whoosh(
    rms_levels: npt.NDArray[np.float64],
    centres_hz: npt.NDArray[np.float64],
    pan_angles: npt.NDArray[np.float64],
    rng: np.random.Generator,
) -> npt.NDArray[np.float32]:
    """Air passing: stereo noise in a band that moves. One value a frame, RUSH_HOP samples apart.

    `rms_levels` are linear RMS, `centres_hz` Hz, `pan_angles` 0 (left) to pi/2 (right), panned at equal power. Gives
    ((frames + 1) * RUSH_HOP, 2) samples; it fades in over the first hop and out over the last, so that two rushes
    one after the other, overlapping by a hop, are one.
    """
    frames, size = len(rms_levels), 2 * WHOOSH_HOP_SAMPLES
    hertz = np.arange(WHOOSH_HOP_SAMPLES + 1) * (SAMPLE_RATE / size) + 1.0
    ratio = (hertz / centres_hz[:, None]).astype(np.float32)
    # One octave of turbulence around the centre, and its thin hiss two octaves up.
    power = 1 / (1 + 2.2 * (ratio - 1 / ratio) ** 2) ** 2 + 0.012 / (1 + (ratio / 4 - 4 / ratio) ** 2)
    power[:, 0] = 0
    power *= (rms_levels**2 * size**2 / (2 * power.sum(axis=1)))[:, None].astype(np.float32)
    phases = rng.random((2, *power.shape), dtype=np.float32) * np.float32(2 * np.pi)
    shared, own = (np.cos(phase) + 1j * np.sin(phase) for phase in phases)
    window = np.sin(np.pi * (np.arange(size) + 0.5) / size)
    air = np.zeros(((frames + 1) * WHOOSH_HOP_SAMPLES, 2), np.float32)
    for channel, gain in enumerate((np.cos(pan_angles), np.sin(pan_angles))):
        phasors = 0.9 * shared + (0.436 if channel else -0.436) * own  # wide, yet clearly in one place
        made = np.fft.irfft(np.sqrt(power) * phasors, size, axis=1) * window * gain[:, None]
        air[:-WHOOSH_HOP_SAMPLES, channel] += made[:, :WHOOSH_HOP_SAMPLES].reshape(-1).astype(np.float32)
        air[WHOOSH_HOP_SAMPLES:, channel] += made[:, WHOOSH_HOP_SAMPLES:].reshape(-1).astype(np.float32)
    return air


def _render_modes(material: Material, pitch_hz: float, contact_seconds: float, rng: np.random.Generator) -> Mono:
    """The body's modes, struck together, at an RMS near 1 over their first 10 ms."""
    ratios = np.repeat(np.array(material.modes), 2) if material.mode_split else np.array(material.modes)
    hertz = pitch_hz * ratios * (1 + material.mode_spread * rng.uniform(-1, 1, len(ratios)) * (ratios > 1))
    if material.mode_split:
        hertz[1::2] = hertz[::2] * (1 + material.mode_split * rng.uniform(0.3, 1.0, len(ratios) // 2))
    # Where the blow falls decides which modes it finds: a node silences one, an antinode brings it out.
    found = rng.uniform(0.25, 1.0, len(ratios))
    level = found * ratios**-material.mode_tilt / (1 + (2 * hertz * contact_seconds) ** 2)
    heard = hertz < 0.42 * SAMPLE_RATE
    decay = (material.damping[0] + material.damping[1] * hertz) * rng.uniform(0.85, 1.2, len(ratios))
    phase = rng.uniform(-0.7, 0.7, len(ratios))
    lengths = np.minimum((_LN_1000 * 1.15 / decay * SAMPLE_RATE).astype(int) + 1, MAX_IMPACT_SAMPLES)
    level /= np.sqrt(0.5 * np.sum(level[heard] ** 2)) + 1e-12
    # exp(step * (row * _ROW + column)) is an outer product, and the sum of all modes a product of matrices: exact phases,
    # and no exponential a sample.
    rows = -(-int(lengths[heard].max(initial=_PHASOR_ROW_SAMPLES)) // _PHASOR_ROW_SAMPLES)
    step = (1j * 2 * np.pi * hertz[heard] - decay[heard]) / SAMPLE_RATE
    down = _exponential_powers(_PHASOR_ROW_SAMPLES * step, rows)
    down[np.arange(rows)[:, None] * _PHASOR_ROW_SAMPLES >= lengths[heard]] = 0
    across = _exponential_powers(step, _PHASOR_ROW_SAMPLES).T * (np.exp(1j * phase[heard]) * level[heard])[:, None]
    body = np.hstack([down.real, -down.imag]).astype(np.float32) @ np.vstack([across.real, across.imag]).astype(
        np.float32
    )
    return body.reshape(-1)


def _exponential_powers(step: npt.NDArray[np.complexfloating], count: int) -> npt.NDArray[np.complexfloating]:
    """exp(k * step) for k from 0 to `count`, (count, steps): a product is a tenth of the work of an exponential."""
    fine = np.exp(np.arange(_PHASOR_FINE_STEPS)[:, None] * step)
    coarse = np.exp(np.arange(-(-count // _PHASOR_FINE_STEPS))[:, None] * (_PHASOR_FINE_STEPS * step))
    powers: npt.NDArray[np.complexfloating] = (coarse[:, None] * fine).reshape(-1, step.size)[:count]
    return powers


def _render_contact_noise(material: Material, contact_seconds: float, rng: np.random.Generator) -> Mono:
    """The noise of the contact itself: shaped, falling 60 dB in the material's time, with RMS near 1 at its start."""
    seconds = material.noise_seconds * rng.uniform(0.85, 1.2)
    samples = 2 ** int(np.ceil(np.log2(1.2 * seconds * SAMPLE_RATE)))
    softening = [
        (hertz, decibels - 20 * np.log10(1 + (hertz * contact_seconds) ** 2))
        for hertz, decibels in material.noise_shape
    ]
    burst = shaped_noise(softening, samples, rng)
    # A blow is loudest where it begins, and begins by pushing, as the modes do: together they make one clear onset.
    start = int(np.abs(burst).argmax())
    burst = np.roll(burst, -start) * np.float32(np.sign(burst[start]))
    burst *= np.exp(-_LN_1000 / (seconds * SAMPLE_RATE) * np.arange(samples)).astype(np.float32)
    return burst


def _apply_pitch_glide(hit: Mono, amount: float) -> Mono:
    """The hit beginning `amount` sharp and settling over 60 ms: a membrane is tighter while it is stretched."""
    settle = 0.06 * SAMPLE_RATE
    place = np.arange(len(hit), dtype=np.float64)
    place += amount * settle * (1 - np.exp(-place / settle))
    return np.interp(place, np.arange(len(hit)), hit, right=0.0).astype(np.float32)


def _add_grains(hit: Mono, burst: GrainBurst, strength: float, pitch_ratio: float, rng: np.random.Generator) -> Mono:
    """`hit` with its scatter added: fewer pieces for a soft hit, thinning out and growing quieter with time."""
    count = max(int(rng.poisson(burst.count * (0.25 + 0.75 * strength))), 1)
    starts = np.sort(rng.exponential(burst.seconds * 0.45, count))
    starts = starts[starts < 2.5 * burst.seconds]
    for start in starts:
        hertz = min(burst.min_hz * (burst.max_hz / burst.min_hz) ** rng.random() * pitch_ratio, 0.4 * SAMPLE_RATE)
        seconds = burst.decay_cycles / hertz * rng.uniform(0.6, 1.4)
        level = 10 ** (burst.level_db / 20) * rng.uniform(0.3, 1.5) * np.exp(-start / burst.seconds)
        hit = _add_at(
            hit, render_chirp(hertz, seconds, burst.pitch_rise, rng) * np.float32(level), int(start * SAMPLE_RATE)
        )
    return hit


def render_chirp(hertz: float, seconds: float, pitch_rise: float, rng: np.random.Generator) -> Mono:
    """A damped tone of amplitude 1.4 that falls 60 dB in `seconds` while its pitch rises by `pitch_rise` of itself."""
    samples = max(int(seconds * SAMPLE_RATE), 8)
    done = np.arange(samples, dtype=np.float32) / np.float32(samples)
    cycles = np.float32(hertz * seconds) * (done + np.float32(0.5 * pitch_rise) * done * done) + np.float32(
        rng.random()
    )
    wave = np.sin(np.float32(2 * np.pi) * cycles) * np.exp(np.float32(-_LN_1000) * done) * np.float32(1.414)
    wave[:6] *= np.linspace(0.1, 1, 6, dtype=np.float32)
    return np.asarray(wave, np.float32)


def _add_at(hit: Mono, other: Mono, start: int) -> Mono:
    end = min(start + len(other), MAX_IMPACT_SAMPLES)
    if end > len(hit):
        hit = np.concatenate([hit, np.zeros(end - len(hit), np.float32)])
    if end > start:
        hit[start:end] += other[: end - start]
    return hit


def _level_gain(hit: Mono, strength: float, trim_db: float) -> np.float32:
    """The gain that brings the loudest 30 ms to the level `strength` asks for, less where peaks would pass -4 dBFS."""
    window = int(0.03 * SAMPLE_RATE)
    opening = hit[: 8 * window].astype(np.float64) ** 2
    powers = np.add.reduceat(opening, np.arange(0, len(opening), window)) / window
    wanted = 10 ** ((-14 - _DYNAMIC_RANGE_DB * (1 - strength) + trim_db) / 20)
    highest = 10 ** ((-4 - _DYNAMIC_RANGE_DB * (1 - strength)) / 20)
    return np.float32(min(wanted / np.sqrt(powers.max() + 1e-20), highest / (np.abs(hit).max() + 1e-9)))
