"""Writes the score of a piece: the chords of every bar, then the notes of accompaniment, bass and percussion.

`melody` writes the melody, `mixer` renders the notes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from .drums import STROKE_VARIANTS, SWELL_SAMPLES
from .form import STEPS_PER_BEAT, Section
from .harmony import (
    CADENCES,
    MINOR_MODES,
    MODAL_PROGRESSIONS,
    Chord,
    nearest_pitch,
    parse_chord,
    scale_pitch_classes,
    voice_chord,
)
from .instruments import INSTRUMENTS
from .melody import write_melody
from .score import Arrangement, ChordCursor, ChordSpan, Note, Performer, parse_pattern
from .styles import DRUM_FILLS

if TYPE_CHECKING:
    import random

_STROKE_VELOCITIES = {"o": 0.45, "x": 0.72, "X": 1.0}
_STRUM_SECONDS = 0.014  # from one string to the next: audible as a strum, not as an arpeggio
_STRUMMED_INSTRUMENTS = frozenset({"guitar", "clean guitar", "harp"})
_BASS_RANGE_SEMITONES = 17  # an octave and a fourth: every pitch class fits, and a fifth above most roots
_POWER_CHORD_INSTRUMENT = "electric guitar"  # plays only the root; its synthesis adds fifth and octave


def write_parts(arrangement: Arrangement) -> tuple[tuple[ChordSpan, ...], tuple[Note, ...]]:
    """Return the chords in order, and all notes by their start."""
    spans = tuple(_write_chords(arrangement))
    notes = (
        *_write_comping(arrangement, spans),
        *_write_pad(arrangement, spans),
        *_write_bass(arrangement, spans),
        *write_melody(arrangement, spans),
        *_write_percussion(arrangement),
    )
    # Strumming and timing errors can push a note of a very short piece past its end.
    within = (note for note in notes if note.start < arrangement.form.samples)
    return spans, tuple(sorted(within, key=lambda note: (note.start, note)))


def _write_chords(arrangement: Arrangement) -> Iterator[ChordSpan]:
    """Yield the chords: one progression for A parts, one for B parts, a cadence in the last bar, and the final chord."""
    form, style = arrangement.form, arrangement.style
    rng = arrangement.part_rng("harmony")
    minor = arrangement.mode in MINOR_MODES
    parts = MODAL_PROGRESSIONS.get(arrangement.mode, style.minor if minor else style.major)
    progressions = {"A": rng.choice(parts[0]), "B": rng.choice(parts[1]), "C": rng.choice(parts[0])}
    cadence, home = CADENCES[arrangement.mode]
    # A style of seventh or power chords, which its first progression shows, ends on such chords too.
    if arrangement.mode not in MODAL_PROGRESSIONS:
        if "maj" in style.major[0][0]:
            cadence, home = ("iih7,V7", "i9") if minor else ("ii7,V7", "Imaj9")
        elif "5 " in style.major[0][0]:
            cadence, home = ("VI5,VII5", "i5") if minor else ("IV5,V5", "I5")
    leading = cadence.split(",")[1]

    def parse_symbol(symbol: str) -> Chord:
        return parse_chord(symbol, arrangement.key, arrangement.mode)

    for section in form.sections:
        # A progression has four bars, a section at most seven.
        bars = (progressions.get(section.name, progressions["A"]).split() * 2)[: section.bars]
        if section is form.sections[-1]:
            bars[-1] = cadence if len(bars) > 1 else f"{home},{leading}"
        for index, bar in enumerate(bars):
            first = (section.first_bar + index) * form.steps_per_bar
            # Two chords in a bar change at its middle; in 3/4 on the third beat.
            middle = first + -(-form.beats_per_bar // 2) * STEPS_PER_BEAT
            symbols = bar.split(",")
            yield ChordSpan(first, middle if len(symbols) > 1 else first + form.steps_per_bar, parse_symbol(symbols[0]))
            if len(symbols) > 1:
                yield ChordSpan(middle, first + form.steps_per_bar, parse_symbol(symbols[1]))
    if not form.sections and form.final_step:
        yield ChordSpan(0, form.final_step, parse_symbol(leading))
    yield ChordSpan(form.final_step, form.final_step + 1, parse_symbol(home))


def _write_pad(arrangement: Arrangement, spans: tuple[ChordSpan, ...]) -> Iterator[Note]:
    """Yield the notes of the pad, which holds each chord for its whole length."""
    instrument_name = arrangement.instruments.get("pad")
    if instrument_name is None:
        return
    form = arrangement.form
    performer = Performer(arrangement, "pad", "chords", (instrument_name, ""))
    low = max(50, INSTRUMENTS[instrument_name].lowest_pitch)
    starts = {section.first_bar * form.steps_per_bar: section for section in form.sections}
    section = starts.get(0, Section("A", 0, 0, 0.7))
    voicing: tuple[int, ...] | None = None
    for span in spans:
        section = starts.get(span.start, section)
        voicing = voice_chord(span.chord, voicing, low, low + 26)
        for pitch in voicing:
            yield performer.note(pitch, span.start, span.end, 0.35 + 0.35 * arrangement.section_intensity(section))


def _write_comping(arrangement: Arrangement, spans: tuple[ChordSpan, ...]) -> Iterator[Note]:
    """Yield the notes of the accompaniment: chords struck, strummed or broken in the style's pattern."""
    instrument_name = arrangement.instruments.get("comp")
    if instrument_name is None:
        return
    form = arrangement.form
    performer = Performer(arrangement, "comp", "chords", (instrument_name, ""))
    voicings = _voice_chords(instrument_name, spans)
    strum = _STRUM_SECONDS if instrument_name in _STRUMMED_INSTRUMENTS else 0.0

    def strike_chord(index: int, step: int, end: int, mark: str, velocity: float) -> Iterator[Note]:
        voicing = voicings[index]
        if mark.isdigit():
            yield performer.note(voicing[int(mark) % len(voicing)], step, end, velocity * 0.85)
            return
        for order, pitch in enumerate(voicing):
            yield performer.note(
                pitch, step, end, velocity * (1.0 if mark == "X" else 0.8), delay_seconds=strum * order
            )

    changes = ChordCursor(spans)
    for section, _, bar in arrangement.bars():
        velocity = 0.45 + 0.4 * arrangement.section_intensity(section)
        for step, held, mark in parse_pattern(arrangement.style.comp[arrangement.pattern_index(section)]):
            first, end = bar + step, bar + step + held
            index = changes.index(first)
            change = spans[index].end
            accent = 1.0 if step % (2 * STEPS_PER_BEAT) == 0 else 0.88
            yield from strike_chord(index, first, min(end, change), mark, velocity * accent)
            if end > change + 1:  # the harmony changes while the chord is held: strike the new one
                yield from strike_chord(index + 1, change, end, mark, velocity * 0.9)
    velocity = 0.5 + 0.3 * arrangement.energy
    last = len(spans) - 1
    if last and not form.sections:
        yield from strike_chord(0, 0, form.final_step, "X", velocity)
    yield from strike_chord(last, form.final_step, form.final_step + 1, "X", velocity)


def _voice_chords(instrument_name: str, spans: tuple[ChordSpan, ...]) -> list[tuple[int, ...]]:
    """Return the pitches of each chord in the range of this instrument, with smooth voice leading."""
    instrument = INSTRUMENTS[instrument_name]
    # Around middle C (F3 and up), where chords are neither muddy nor in the way of the melody.
    low = max(instrument.lowest_pitch, min(53, instrument.highest_pitch - 24))
    voicings: list[tuple[int, ...]] = []
    for span in spans:
        if instrument_name == _POWER_CHORD_INSTRUMENT:
            root = nearest_pitch(voicings[-1][0] if voicings else instrument.lowest_pitch + 5, (span.chord.root,))
            lowest = instrument.lowest_pitch + (span.chord.root - instrument.lowest_pitch) % 12
            voicings.append((root if instrument.lowest_pitch <= root <= instrument.highest_pitch - 8 else lowest,))
        else:
            voicings.append(voice_chord(span.chord, voicings[-1] if voicings else None, low, low + 23))
    return voicings


def _write_bass(arrangement: Arrangement, spans: tuple[ChordSpan, ...]) -> Iterator[Note]:
    """Yield the notes of the bass: roots, fifths and steps to the next root, in the style's pattern."""
    instrument_name = arrangement.instruments.get("bass")
    if instrument_name is None:
        return
    form = arrangement.form
    performer = Performer(arrangement, "bass", "bass", (instrument_name, ""))
    rng = arrangement.part_rng("bass")
    low = max(28, INSTRUMENTS[instrument_name].lowest_pitch)
    roots: list[int] = []
    for span in spans:
        roots.append(_fit_bass_range(nearest_pitch(roots[-1] if roots else low + 8, (span.chord.root,)), low))
    changes = ChordCursor(spans)
    for section, _, bar in arrangement.bars():
        velocity = 0.6 + 0.3 * arrangement.section_intensity(section)
        for step, held, mark in parse_pattern(arrangement.style.bass[arrangement.pattern_index(section)]):
            first, end = bar + step, bar + step + held
            index = changes.index(first)
            change = spans[index].end
            target = roots[min(index + 1, len(roots) - 1)]
            pitch = _bass_pitch(arrangement, mark, spans[index].chord, (roots[index], target, low), rng)
            yield performer.note(
                pitch, first, min(end, change), velocity * (1.0 if step % STEPS_PER_BEAT == 0 else 0.88)
            )
            if end > change + 1:
                yield performer.note(target, change, end, velocity * 0.9)
    if len(spans) > 1 and not form.sections:
        yield performer.note(roots[0], 0, form.final_step, 0.8)
    yield performer.note(roots[-1], form.final_step, form.final_step + 1, 0.8)


def _fit_bass_range(pitch: int, low: int) -> int:
    """Return the pitch, transposed by octaves into the range of the bass."""
    while pitch < low:
        pitch += 12
    while pitch > low + _BASS_RANGE_SEMITONES:
        pitch -= 12
    return pitch


def _bass_pitch(
    arrangement: Arrangement, mark: str, chord: Chord, pitches: tuple[int, int, int], rng: random.Random
) -> int:
    """Return the pitch of a mark in a bass pattern. `pitches` is the chord's root, the next root and the lowest pitch."""
    root, target, low = pitches
    if mark == "5":
        return _fit_bass_range(nearest_pitch(root + rng.choice((7, -5)), (chord.fifth,)), low)
    if mark == "3":
        return _fit_bass_range(nearest_pitch(root + 3, (chord.third,)), low)
    if mark == "8":
        return root + 12
    if mark == "a":
        # An approach note from above or below. Where the style swings like jazz it is chromatic, else a step of the scale.
        side = rng.choice((-1, 1)) if target > low + 2 else 1
        if arrangement.style.swing > 0.6:
            return target + side
        return nearest_pitch(
            target + 2 * side, frozenset(scale_pitch_classes(arrangement.key, arrangement.mode)) - {target % 12}
        )
    return root


def _write_percussion(arrangement: Arrangement) -> Iterator[Note]:
    """Yield the strokes: a groove in each bar, a fill before each new section, cymbals, and the final stroke."""
    style, form = arrangement.style, arrangement.form
    performer = Performer(arrangement, "percussion", "percussion", (style.kit, ""))
    rng = arrangement.part_rng("percussion")

    def hit(drum: str, step: int, velocity: float) -> Note:
        return performer.stroke(drum, rng.randrange(STROKE_VARIANTS), step, velocity)

    for section, index, bar in arrangement.bars() if arrangement.percussion else ():
        pattern_index = arrangement.pattern_index(section)
        groove = style.drums[pattern_index]
        loudness = 0.62 + 0.38 * min(1.0, arrangement.section_intensity(section))
        fill: list[str] = []
        # A fill ends a section of at least two bars, unless its drums are thin or silent.
        if groove and pattern_index and index == section.bars - 1 > 0:
            fill = rng.choice(DRUM_FILLS[style.kit]).split()
        fill_start = form.steps_per_bar - len(fill)
        for drum, pattern in groove.items():
            # During a fill the kick keeps the beat and the other drums of the groove stop.
            kept = STEPS_PER_BEAT if drum == "kick" else form.steps_per_bar
            for step, _, mark in parse_pattern(pattern):
                if step < fill_start or step % kept == 0:
                    yield hit(drum, bar + step, _STROKE_VELOCITIES[mark] * loudness)
        for at, _, drum in parse_pattern(fill):
            yield hit(drum, bar + fill_start + at, loudness * (0.6 + 0.35 * at / len(fill)))
    if arrangement.percussion and any(style.drums[1]):
        yield from _write_cymbals(arrangement, hit)


def _write_cymbals(arrangement: Arrangement, hit: Callable[[str, int, float], Note]) -> Iterator[Note]:
    """Yield a crash at the start of each strong section, in an orchestra after a swell, and the final stroke."""
    style, form = arrangement.style, arrangement.form
    for section in form.sections[1:]:
        bar = section.first_bar * form.steps_per_bar
        intensity = min(1.0, arrangement.section_intensity(section))
        if intensity > 0.6 and style.drums[arrangement.pattern_index(section)]:
            yield hit("crash", bar, 0.75 * (0.62 + 0.38 * intensity))
            if style.kit == "orchestral":
                yield hit("swell", bar, intensity)._replace(start=max(0, form.sample_at(bar) - SWELL_SAMPLES))
    yield hit("kick", form.final_step, 0.55 + 0.4 * arrangement.energy)
    if style.kit != "lo-fi":
        yield hit("crash", form.final_step, 0.3 + 0.55 * arrangement.energy)
