"""Keys, modes, chords in Roman numerals, and voice leading.

Pitches are MIDI numbers (60 is middle C); pitch classes count semitones from C.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

KEYS = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
MODES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
}
MINOR_MODES = frozenset({"minor", "dorian", "phrygian"})

# For each mode, the last bar before the final chord, and the final chord.
CADENCES = {
    "major": ("IV,V", "I"),
    "minor": ("iv,V", "i"),
    "dorian": ("IV,VII", "i"),
    "phrygian": ("vii,II", "i"),
    "lydian": ("V,II", "I"),
    "mixolydian": ("IV,VII", "I"),
}
# The modes besides major and minor have their own progressions in every style: with a functional V they would sound major
# or minor again. Each entry has progressions for the A parts and for the B parts.
MODAL_PROGRESSIONS = {
    "dorian": (("i IV i VII", "i III IV i"), ("VII IV i i", "III VII IV i")),
    "phrygian": (("i II i vii", "i II III II"), ("VI II VI vii", "iv III II i")),
    "lydian": (("I II I V", "I II vi II"), ("vi II V II", "V II iii II")),
    "mixolydian": (("I VII IV I", "I v VII IV"), ("VII IV I v", "IV VII ii IV")),
}

_DEGREES = {"i": 0, "ii": 1, "iii": 2, "iv": 3, "v": 4, "vi": 5, "vii": 6}
_CHORD_PATTERN = re.compile(r"(?P<accidental>[b#]?)(?P<degree>[ivIV]+)(?P<suffix>.*)")
_CHORD_SUFFIXES: dict[
    str, tuple[tuple[int, ...] | None, tuple[int, ...]]
] = {  # intervals that replace the triad, intervals that are added to it
    "": (None, ()),
    "5": ((0, 7), ()),
    "6": (None, (9,)),
    "7": (None, (10,)),
    "9": (None, (10, 14)),
    "maj7": (None, (11,)),
    "maj9": (None, (11, 14)),
    "add9": (None, (14,)),
    "sus2": ((0, 2, 7), ()),
    "sus4": ((0, 5, 7), ()),
    "7sus4": ((0, 5, 7), (10,)),
    "o": ((0, 3, 6), ()),
    "o7": ((0, 3, 6), (9,)),
    "h7": ((0, 3, 6), (10,)),
}


@dataclass(frozen=True, slots=True)
class Chord:
    """A chord as pitch classes, the root first."""

    symbol: str
    tones: tuple[int, ...]

    @property
    def root(self) -> int:
        """The chord's root."""
        return self.tones[0]

    @property
    def third(self) -> int:
        """The tone above the root: a fourth or second in a suspended chord, the fifth in a power chord."""
        return self.tones[1]

    @property
    def fifth(self) -> int:
        """The chord's fifth, perfect or not."""
        return self.tones[min(2, len(self.tones) - 1)]


def scale_pitch_classes(key: int, mode: str) -> tuple[int, ...]:
    """Return the seven pitch classes of a mode on `key`, from the tonic up."""
    return tuple((key + step) % 12 for step in MODES[mode])


def parse_chord(symbol: str, key: int, mode: str) -> Chord:
    """Parse a Roman numeral: `ii7`, `V`, `bVImaj7`, `viih7` (half diminished).

    The degree is one of the mode's scale; upper case means a major third.

    Raises:
        ValueError: the symbol is not a chord.
    """
    match = _CHORD_PATTERN.fullmatch(symbol)
    if match is None or match["degree"].lower() not in _DEGREES or match["suffix"] not in _CHORD_SUFFIXES:
        raise ValueError(f"Not a chord: {symbol!r}.")
    degree = match["degree"]
    root = key + MODES[mode][_DEGREES[degree.lower()]] + {"": 0, "b": -1, "#": 1}[match["accidental"]]
    triad, added = _CHORD_SUFFIXES[match["suffix"]]
    if triad is None:
        triad = (0, 4, 7) if degree.isupper() else (0, 3, 7)
    return Chord(symbol, tuple((root + interval) % 12 for interval in (*triad, *added)))


def melody_pitch_classes(chord: Chord, key: int, mode: str) -> frozenset[int]:
    """Return the pitch classes that a melody may use over a chord.

    They are those of the scale and of the chord, without the scale tones that are a semitone from a tone which the chord
    borrows from outside the scale.
    """
    scale = frozenset(scale_pitch_classes(key, mode))
    borrowed = frozenset(chord.tones) - scale
    clashing = {(tone + side) % 12 for tone in borrowed for side in (-1, 1)} - set(chord.tones)
    return (scale - clashing) | borrowed


def nearest_pitch(pitch: int, pitch_classes: frozenset[int] | tuple[int, ...]) -> int:
    """Return the nearest pitch to `pitch` with one of these pitch classes, the lower one on a tie."""
    allowed = frozenset(pitch_classes)
    return min((p for p in range(pitch - 6, pitch + 7) if p % 12 in allowed), key=lambda p: (abs(p - pitch), p))


def voice_chord(
    chord: Chord, previous: tuple[int, ...] | None, low: int, high: int, voice_count: int = 4
) -> tuple[int, ...]:
    """Return a chord as ascending pitches from `low` to about `high`, with little movement from the chord `previous`.

    All inversions in close and open position are compared. Movement of the voices costs most, then parallel fifths and
    octaves, then the distance from the middle of the register.
    """
    classes = list(chord.tones)
    if len(classes) > voice_count:
        classes = classes[1:]  # omit the root, which the bass plays
    # Chords of two or three tones double one of them.
    voice_count = min(voice_count, 2 * len(classes) - 1)
    middle = (low + high) / 2
    best: tuple[float, tuple[int, ...]] = (math.inf, ())
    for turn in range(len(classes)):
        order = classes[turn:] + classes[:turn]
        order = (order * 2)[:voice_count]
        for octave in (0, 12):
            pitches = [low + (order[0] - low) % 12 + octave]
            for tone in order[1:]:
                pitches.append(pitches[-1] + ((tone - pitches[-1]) % 12 or 12))
            # Close position, and open position: the second voice an octave higher.
            for voicing in (tuple(pitches), tuple(sorted((pitches[0], pitches[1] + 12, *pitches[2:])))):
                if len(set(voicing)) < voice_count:  # two voices on one pitch
                    continue
                cost = abs(sum(voicing) / voice_count - middle) * 0.5 + max(0, voicing[-1] - high) * 2.0
                if previous is not None and len(previous) == voice_count:
                    # The top voice counts twice: it is the one that is heard as a line.
                    cost += sum(abs(a - b) for a, b in zip(voicing, previous, strict=True))
                    cost += abs(voicing[-1] - previous[-1])
                    cost += 1.5 * _count_parallels(previous, voicing)
                best = min(best, (cost, voicing))
    return best[1]


def _count_parallels(previous: tuple[int, ...], current: tuple[int, ...]) -> int:
    """Return the number of pairs of voices that move in parallel fifths or octaves."""
    count = 0
    for upper in range(1, len(current)):
        for lower in range(upper):
            interval = (previous[upper] - previous[lower]) % 12
            if (
                interval in (0, 7)
                and (current[upper] - current[lower]) % 12 == interval
                and previous[upper] != current[upper]
            ):
                count += 1
    return count
