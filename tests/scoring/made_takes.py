"""Takes with known faults: hits on contacts over beds of rain, wind, engines, crowds and ringing metal, with voices or music under them.

Voices are synthesised with the timing of speech (glottal pulses, formant glides, fricatives, stops, pauses) or spoken by espeak-ng or
flite where they are installed; music is the offline engine's, and a synth's that is none of ours. Recordings come from a folder.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import wave
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cache
from itertools import islice
from typing import Any

import numpy as np
from tracklay.landing.matching import Contact
from tracklay.sketch.foley.ambience import render_ambience
from tracklay.sketch.foley.ambience_presets import AMBIENCE_PRESETS
from tracklay.sketch.foley.sound_classes import SOUND_CLASSES, render_sound
from tracklay.sketch.music.composer import compose_music

RATE = 48_000

VOWELS = (
    (730, 1090, 2440), (270, 2290, 3010), (300, 870, 2240), (530, 1840, 2480), (570, 840, 2410), (660, 1720, 2410),
    (440, 1020, 2240), (490, 1350, 1690),
)  # fmt: skip
"""First three formants of American vowels in Hz (Peterson and Barney 1952)."""

FRICATIVES = ((5500, 2500), (3200, 1500), (6500, 5000), (1500, 2500))
"""Centre and width of the noise of s, sh, f and h, in Hz."""

HITS = tuple(
    name
    for name in SOUND_CLASSES
    if name not in {"voice", "scream", "bird", "meow", "bark", "growl", "breath", "engine"}
)
"""Sound classes that strike."""

MUSIC_PROMPTS = (
    "calm piano",
    "driving electronic",
    "orchestral",
    "acoustic guitar folk",
    "jazz",
    "ambient pads",
    "rock band",
    "waltz",
)

SENTENCES = (
    "The old man walked slowly down the street while his dog was sleeping under the table.",
    "Please open the window, it is far too warm in here, and I cannot hear what they say.",
    "She sells fresh bread and butter every morning before the market closes.",
    "Fetch three large boxes from the cellar, then come back and help me with the piano.",
)


def make_speech(rng: np.random.Generator, seconds: float) -> np.ndarray:
    """Return a synthetic voice: (n,) at `RATE`."""
    length = round(seconds * RATE)
    tall = rng.uniform(0.95, 1.22)
    base = rng.uniform(85, 150) if tall < 1.08 else rng.uniform(160, 260)
    hop = RATE // 200
    frames = length // hop + 1
    formants, voiced, noise, shape = (np.zeros((frames, 3)), np.zeros(frames), np.zeros(frames), np.zeros((frames, 2)))
    pitch = np.zeros(frames)
    formants[:] = (500, 1500, 2500)
    shape[:] = FRICATIVES[0]
    at = int(rng.integers(0, 20))
    while at < frames:
        phrase_start, syllables = at, int(rng.integers(4, 12))
        for _ in range(syllables):
            kind = rng.choice(["fricative", "stop", "nasal", "none"], p=[0.3, 0.35, 0.25, 0.1])
            consonant = int(rng.integers(7, 22))
            span = slice(at, at + consonant)
            if kind == "fricative":
                noise[span] = rng.uniform(0.05, 0.16)
                shape[span] = FRICATIVES[rng.integers(len(FRICATIVES))]
            elif kind == "stop":
                burst = at + consonant - int(rng.integers(2, 5))
                noise[burst : at + consonant] = rng.uniform(0.1, 0.3)
                shape[burst : at + consonant] = (rng.uniform(800, 4500), 2500)
            elif kind == "nasal":
                voiced[span] = 0.3
                formants[span] = (250, 1100, 2200)
            at += consonant
            vowel = int(rng.integers(12, 34))
            voiced[at : at + vowel] = rng.uniform(0.5, 1.0)
            formants[at : at + vowel] = np.array(VOWELS[rng.integers(len(VOWELS))]) * tall
            at += vowel
        end = min(at, frames)
        course = np.linspace(1.15, 0.85, end - phrase_start)
        accents = 1 + 0.12 * np.sin(np.linspace(0, rng.uniform(2, 4) * np.pi, end - phrase_start) + rng.uniform(0, 6))
        pitch[phrase_start:end] = base * course * accents
        at += int(rng.integers(15, 90))
    smooth = np.hanning(13) / np.hanning(13).sum()
    formants = np.stack([np.convolve(np.pad(column, 6, mode="edge"), smooth, "valid") for column in formants.T], axis=1)
    voiced, noise = (np.convolve(part, np.hanning(7) / np.hanning(7).sum(), "same") for part in (voiced, noise))
    pitch[pitch == 0] = base
    samples = np.arange(length)
    track = np.interp(samples, np.arange(frames) * hop, pitch) * (1 + 0.01 * rng.standard_normal(length).cumsum() / 300)
    phase = np.cumsum(track / RATE)
    pulse = phase % 1
    # Rosenberg's glottal pulse: it opens for 0.4 and closes for 0.16 of a period; its slope is what excites the tract.
    flow = np.where(
        pulse < 0.4,
        0.5 * (1 - np.cos(np.pi * pulse / 0.4)),
        np.where(pulse < 0.56, np.cos(np.pi * (pulse - 0.4) / 0.32), 0),
    )
    source = np.diff(flow, prepend=0) * 12
    hiss = rng.standard_normal(length)
    return _normalised(_shape_frames(source, hiss, formants, voiced, noise, shape, hop))


def _shape_frames(source, hiss, formants, voiced, noise, shape, hop):
    """Return the excitation filtered by the vocal tract, frame by frame, overlapped and added."""
    size = 4 * hop
    hz = np.fft.rfftfreq(size, 1 / RATE)
    window = np.hanning(size)
    out = np.zeros(len(source) + 2 * size)
    pad = np.zeros(size)
    source, hiss = np.concatenate([source, pad]), np.concatenate([hiss, pad])
    for index in range(len(source) // hop - 4):
        if voiced[min(index, len(voiced) - 1)] < 0.01 and noise[min(index, len(noise) - 1)] < 0.01:
            continue
        frame = min(index, len(voiced) - 1)
        tract = np.zeros(len(hz))
        for formant, width, level in zip(formants[frame], (90, 110, 170), (1, 0.6, 0.3), strict=True):
            tract += level / np.sqrt(1 + ((hz - formant) / width) ** 2)
        tract *= 1 / (1 + (hz / 4500) ** 2)
        centre, width = shape[frame]
        friction = np.exp(-0.5 * ((hz - centre) / width) ** 2)
        part = slice(index * hop, index * hop + size)
        spectrum = np.fft.rfft(source[part] * window) * tract * voiced[frame] * 3
        spectrum += np.fft.rfft(hiss[part] * window) * (friction * noise[frame] + 0.01 * tract * voiced[frame])
        out[part] += np.fft.irfft(spectrum, size)
    return out[: len(source) - size]


@cache
def spoken_sentences() -> tuple[np.ndarray, ...]:
    """Return sentences spoken by the speech synthesisers that are installed; none without them."""
    commands = []
    if shutil.which("espeak-ng"):
        commands += [
            ["espeak-ng", "-v", voice, "--stdout"] for voice in ("en", "en-us+f3", "en-gb-scotland+m3", "en+f2")
        ]
    if shutil.which("flite"):
        commands += [["flite", "-voice", voice, "-o", "/dev/stdout", "-t"] for voice in ("slt", "rms", "awb")]
    spoken = []
    for command in commands:
        for sentence in SENTENCES:
            audio = subprocess.run([*command, sentence], check=True, capture_output=True).stdout
            with wave.open(io.BytesIO(audio)) as file:
                rate = file.getframerate()
            samples = np.frombuffer(audio[44 : len(audio) // 2 * 2], np.int16).astype(np.float64)
            spoken.append(
                _normalised(np.interp(np.arange(0, len(samples), rate / RATE), np.arange(len(samples)), samples))
            )
    return tuple(spoken)


def make_music(rng: np.random.Generator, seconds: float) -> np.ndarray:
    """Return a piece of music: of the offline engine, or chords and a melody of plain oscillators."""
    length = round(seconds * RATE)
    if rng.random() < 0.6:
        piece = compose_music(MUSIC_PROMPTS[rng.integers(len(MUSIC_PROMPTS))], length, seed=int(rng.integers(1 << 30)))
        blocks = [sum(stems.values()) for stems in piece.render()]
        return _normalised(np.concatenate(blocks).mean(axis=1))
    out = np.zeros(length + RATE)
    beat = rng.uniform(0.35, 0.75)
    scale = np.array([0, 2, 4, 5, 7, 9, 11] if rng.random() < 0.5 else [0, 2, 3, 5, 7, 8, 10])
    tonic = rng.uniform(180, 330)
    brightness = rng.uniform(0.4, 1.6)
    for number, start in enumerate(np.arange(0, seconds, beat)):
        degrees = [(0, 2, 4), (3, 5, 7), (4, 6, 8), (5, 7, 9)][number // 4 % 4] if number % 2 == 0 else ()
        melody = (int(rng.integers(7, 14)),) if rng.random() < 0.8 else ()
        for degree in (*degrees, *melody):
            octave, step = divmod(degree, 7)
            frequency = tonic * 2 ** (octave + scale[step] / 12)
            time = np.arange(round(RATE * beat * rng.uniform(0.9, 2))) / RATE
            tone = sum(
                np.sin(2 * np.pi * frequency * h * time) * h**-brightness for h in range(1, 9) if frequency * h < 12_000
            )
            tone = tone * np.minimum(1, time / 0.01) * np.exp(-time * rng.uniform(0.6, 3))
            first = round(start * RATE)
            count = min(len(tone), len(out) - first)
            out[first : first + count] += tone[:count]
    return _normalised(out[:length])


def make_bed(rng: np.random.Generator, seconds: float, kind: str = "") -> tuple[str, np.ndarray]:
    """Return the name and the sound of something that is neither speech nor music."""
    length = round(seconds * RATE)
    kinds = (
        "ambience",
        "ambience",
        "engine",
        "squeaks",
        "metal",
        "whistling wind",
        "crowd",
        "horn",
        "rubbing",
        "calls",
    )
    kind = kind or str(rng.choice(kinds))
    time = np.arange(length) / RATE
    drift = np.interp(
        np.arange(length), np.arange(length // 480 + 2) * 480, rng.standard_normal(length // 480 + 2).cumsum()
    )
    if kind == "ambience":
        kind = str(rng.choice(list(AMBIENCE_PRESETS)))
        blocks = islice(render_ambience([AMBIENCE_PRESETS[kind]], rng), length // 8192 + 1)
        return kind, _normalised(np.concatenate(list(blocks))[:length].mean(axis=1))
    out = np.zeros(length)
    if kind == "engine":
        phase = 2 * np.pi * np.cumsum(rng.uniform(35, 160) * (1 + 0.004 * drift * rng.uniform(0, 3))) / RATE
        fall = rng.uniform(0.4, 1.5)
        out = sum(np.sin(h * phase + rng.uniform(0, 6)) * h**-fall for h in range(1, 25)) + rng.standard_normal(
            length
        ) * rng.uniform(0.05, 0.5)
    elif kind == "squeaks":
        for _ in range(int(seconds * rng.uniform(0.5, 1.5)) + 1):
            count = int(rng.uniform(0.08, 0.6) * RATE)
            first, course = rng.integers(0, max(1, length - count)), np.linspace(0, 1, count)
            frequency = rng.uniform(500, 3000) * (
                1 + rng.uniform(-0.3, 0.3) * course + 0.1 * np.sin(rng.uniform(5, 20) * course)
            )
            phase = 2 * np.pi * np.cumsum(frequency) / RATE
            tone = sum(np.sin(h * phase) * h**-1.5 for h in range(1, 6)) * np.hanning(count) * rng.uniform(0.3, 1)
            out[first : first + count] += tone[: length - first]
        out += rng.standard_normal(length) * 0.005
    elif kind == "metal":
        for _ in range(int(rng.integers(2, 9))):
            first = rng.integers(0, max(1, length - RATE // 2))
            tail, base = time[: length - first], rng.uniform(200, 1800)
            for _ in range(int(rng.integers(4, 14))):
                out[first:] += (
                    np.sin(2 * np.pi * base * rng.uniform(1, 8) * tail)
                    * np.exp(-tail * rng.uniform(0.7, 12))
                    * rng.uniform(0.1, 1)
                )
        out += rng.standard_normal(length) * 0.002
    elif kind == "crowd":
        out = np.sum([np.roll(make_speech(rng, seconds), int(rng.integers(length))) for _ in range(10)], axis=0)
        decay = rng.standard_normal(RATE // 3) * np.exp(-np.arange(RATE // 3) / (RATE / 20))
        size = 1 << (length + RATE // 3).bit_length()
        out = np.fft.irfft(np.fft.rfft(out, size) * np.fft.rfft(decay, size))[:length]
    elif kind == "horn":
        swing = 1 + rng.uniform(0, 0.4) * np.sin(2 * np.pi * rng.uniform(0.2, 3) * time)
        phase = 2 * np.pi * np.cumsum(rng.uniform(300, 1000) * swing) / RATE
        gate = np.sin(2 * np.pi * rng.uniform(0.3, 2) * time) > rng.uniform(-1, 0.5)
        out = (np.sin(phase) + 0.4 * np.sin(2 * phase) + 0.3 * np.sin(3 * phase)) * gate + rng.standard_normal(
            length
        ) * 0.02
    elif kind == "calls":
        for _ in range(int(seconds) + 1):
            call = render_sound(
                str(rng.choice(["bark", "bird", "meow", "growl"])), strength=0.8, size=0.3, rng=rng
            ).samples
            first = rng.integers(0, max(1, length - len(call)))
            out[first : first + len(call)] += call[: length - first]
        out += rng.standard_normal(length) * 0.002
    else:  # noise of a changing strength: rubbing, sawing, whistling wind
        hz = np.fft.rfftfreq(length, 1 / RATE)
        centre, width = (rng.uniform(300, 1500), 0.08) if kind == "whistling wind" else (rng.uniform(300, 5000), 0.8)
        spectrum = np.fft.rfft(rng.standard_normal(length)) * np.exp(
            -0.5 * (np.log(np.maximum(hz, 1) / centre) / width) ** 2
        )
        swell = 1 + rng.uniform(0.3, 1) * np.sin(2 * np.pi * rng.uniform(0.2, 5) * time)
        out = np.fft.irfft(spectrum, length) * swell
    return kind, _normalised(out)


@dataclass(frozen=True)
class Faults:
    """The faults of a made take; more of any is worse, and none is better in anything. All are 0 in a take that is right.

    Attributes:
        jitter: distance of the sounds from their contacts, in seconds.
        dropped: share of the contacts without a sound.
        extra: share of further sounds where nothing strikes.
        speech, music: share of the length with speech or music.
        clipping: how far above full scale the peaks were before they were clipped, dB.
        dropouts: number of gaps in the sound.
        silence: share of the length that is digital silence.
    """

    jitter: float = 0
    dropped: float = 0
    extra: float = 0
    speech: float = 0
    music: float = 0
    clipping: float = 0
    dropouts: int = 0
    silence: float = 0


LEVELS: dict[str, tuple[float, ...]] = {
    "jitter": (0.12, 0.3),
    "dropped": (0.35, 0.8),
    "extra": (0.5, 1.5),
    "speech": (0.35, 0.8),
    "music": (0.35, 0.9),
    "clipping": (4, 10),
    "dropouts": (2, 8),
    "silence": (0.12, 0.4),
}
"""Two levels of each fault."""


@dataclass
class MadeScene:
    """A picture's contacts, as an eye with misses and false alarms sees them, and takes for it."""

    rng: np.random.Generator
    seconds: float = 6.0
    times: np.ndarray = field(init=False)
    contacts: tuple[Contact, ...] = field(init=False)

    def __post_init__(self):
        rng = self.rng
        count = int(rng.integers(4, 10))
        self.times = np.sort(rng.uniform(0.3, self.seconds - 0.5, count * 3))
        keep = [self.times[0]]
        for time in self.times:
            if time - keep[-1] > 0.45 and len(keep) < count:
                keep.append(time)
        self.times = np.array(keep)
        self.hit = str(rng.choice(HITS))
        self.bed = make_bed(rng, self.seconds)
        self.bed_db = float(rng.uniform(-60, -38))
        seen = [(time + rng.normal(0, 0.012), rng.uniform(0.6, 1)) for time in self.times if rng.random() > 0.12]
        seen += [(rng.uniform(0, self.seconds), rng.uniform(0.2, 0.5))] if rng.random() < 0.3 else []
        self.contacts = tuple(
            Contact(Fraction(max(0.0, float(time))).limit_denominator(10_000), float(confidence))
            for time, confidence in sorted(seen)
        )

    def make_take(self, faults: Faults, voice: np.ndarray | None = None, music: np.ndarray | None = None) -> np.ndarray:
        """Return a take with faults: (n, 1) float32. `voice` and `music` replace the synthetic ones."""
        rng, length = self.rng, round(self.seconds * RATE)
        take = self.bed[1] * 10 ** (self.bed_db / 20) * rng.uniform(0.8, 1.2)
        silent = np.sort(rng.permutation(len(self.times))[: round(faults.dropped * len(self.times))])
        times = [
            time + rng.choice([-1, 1]) * faults.jitter * rng.uniform(0.75, 1.25)
            for i, time in enumerate(self.times)
            if i not in silent
        ]
        free = [time for time in np.arange(0.2, self.seconds - 0.3, 0.05) if np.abs(self.times - time).min() > 0.3]
        extra = round(faults.extra * len(self.times))
        times += list(rng.choice(free, min(extra, len(free)), replace=False)) if free else []
        for time in times:
            hit = render_sound(self.hit, strength=float(rng.uniform(0.5, 1)), size=0.2, rng=rng)
            first = round(float(np.clip(time, 0.02, self.seconds - 0.1)) * RATE) - hit.attack
            part = hit.samples[max(0, -first) :]
            first = max(first, 0)
            take[first : first + len(part)] += part[: length - first] * 0.6
        for share, make, given in ((faults.speech, make_speech, voice), (faults.music, make_music, music)):
            if share:
                count = round(share * length)
                sound = make(rng, count / RATE) if given is None else np.resize(given, count)
                first = int(rng.integers(0, length - count + 1))
                fade = np.minimum(1, np.minimum(np.arange(count), np.arange(count)[::-1]) / 2400)
                take[first : first + count] += sound * fade * 10 ** (rng.uniform(-30, -22) / 20)
        if faults.clipping:
            take = np.clip(take / np.abs(take).max() * 10 ** (faults.clipping / 20), -1, 1) * 0.97
        take = take / max(1.0, np.abs(take).max() / 0.9) if not faults.clipping else take
        for _ in range(faults.dropouts):
            loud = np.flatnonzero(np.abs(take) > 0.02)
            first = int(rng.choice(loud)) if len(loud) else 0
            take[first : first + int(rng.uniform(0.005, 0.03) * RATE)] = 0
        if faults.silence:
            first = int(rng.integers(0, length - round(faults.silence * length)))
            take[first : first + round(faults.silence * length)] = 0
        return take.astype(np.float32)[:, None]


def worse_faults(rng: np.random.Generator, faults: Faults) -> Faults:
    """Return faults that are worse in one thing and equal in all others."""
    names = [name for name, levels in LEVELS.items() if getattr(faults, name) < levels[-1]]
    name = str(rng.choice(names))
    value = next(level for level in LEVELS[name] if level > getattr(faults, name))
    changes: dict[str, Any] = {name: value}
    return replace(faults, **changes)


def _normalised(sound: np.ndarray) -> np.ndarray:
    """Return a sound at an RMS of 1."""
    return np.asarray(sound / (np.sqrt(np.mean(np.square(sound))) + 1e-9))
