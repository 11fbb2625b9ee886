"""Writes a piece: chords in their bars, then the notes of chords, bass and percussion; `write_melody` writes the tune.

No sound is made here.
"""

from __future__ import annotations

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
from .score import STEM_NAMES, Arrangement, ChordCursor, ChordSpan, Note, Performer, parse_pattern
from .styles import DRUM_FILLS

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator

__all__ = ["STEM_NAMES", "Arrangement", "ChordSpan", "Note", "write_parts"]

_STROKE_VELOCITIES = {"o": 0.45, "x": 0.72, "X": 1.0}
_STRUM_SECONDS = 0.014  # seconds from one string to the next
_STRUMMED_INSTRUMENTS = frozenset({"guitar", "clean guitar", "harp"})
_BASS_RANGE_SEMITONES = 17  # semitones
_POWER_CHORD_INSTRUMENT = "electric guitar"  # plays roots only, and adds the fifth itself


def write_parts(arrangement: Arrangement) -> tuple[tuple[ChordSpan, ...], tuple[Note, ...]]:
    """The chords, in order, and all notes, by their start."""
    spans = tuple(_write_chords(arrangement))
    notes = (
        *_write_comping(arrangement, spans),
        *_write_pad(arrangement, spans),
        *_write_bass(arrangement, spans),
        *write_melody(arrangement, spans),
        *_write_percussion(arrangement),
    )
    heard = (note for note in notes if note.start < arrangement.form.samples)
    return spans, tuple(sorted(heard, key=lambda note: (note.start, note)))


def _write_chords(arrangement: Arrangement) -> Iterator[ChordSpan]:
    """A progression for the A parts and one for the B parts, a cadence in the last bar, and the chord it leads to."""
    form, style = arrangement.form, arrangement.style
    chance = arrangement.part_rng("harmony")
    minor = arrangement.mode in MINOR_MODES
    parts = MODAL_PROGRESSIONS.get(arrangement.mode, style.minor if minor else style.major)
    progressions = {"A": chance.choice(parts[0]), "B": chance.choice(parts[1]), "C": chance.choice(parts[0])}
    cadence, home = CADENCES[arrangement.mode]
    if arrangement.mode not in MODAL_PROGRESSIONS:
        if "maj" in style.major[0][0]:
            cadence, home = ("iih7,V7", "i9") if minor else ("ii7,V7", "Imaj9")
        elif "5 " in style.major[0][0]:
            cadence, home = ("VI5,VII5", "i5") if minor else ("IV5,V5", "I5")
    leading = cadence.split(",")[1]

    def parse_symbol(symbol: str) -> Chord:
        return parse_chord(symbol, arrangement.key, arrangement.mode)

    for section in form.sections:
        bars = (progressions.get(section.name, progressions["A"]).split() * 2)[: section.bars]
        if section is form.sections[-1]:
            bars[-1] = cadence if len(bars) > 1 else f"{home},{leading}"
        for index, bar in enumerate(bars):
            first = (section.first_bar + index) * form.steps_per_bar
            middle = first + -(-form.beats_per_bar // 2) * STEPS_PER_BEAT
            symbols = bar.split(",")
            yield ChordSpan(first, middle if len(symbols) > 1 else first + form.steps_per_bar, parse_symbol(symbols[0]))
            if len(symbols) > 1:
                yield ChordSpan(middle, first + form.steps_per_bar, parse_symbol(symbols[1]))
    if not form.sections and form.final_step:
        yield ChordSpan(0, form.final_step, parse_symbol(leading))
    yield ChordSpan(form.final_step, form.final_step + 1, parse_symbol(home))


def _write_pad(arrangement: Arrangement, spans: tuple[ChordSpan, ...]) -> Iterator[Note]:
    """Chords held beneath, for as long as they last."""
    player = arrangement.instruments.get("pad")
    if player is None:
        return
    form = arrangement.form
    pen = Performer(arrangement, "pad", "chords", (player, ""))
    low = max(50, INSTRUMENTS[player].lowest_pitch)
    starts = {section.first_bar * form.steps_per_bar: section for section in form.sections}
    section = starts.get(0, Section("A", 0, 0, 0.7))
    voicing: tuple[int, ...] | None = None
    for span in spans:
        section = starts.get(span.start, section)
        voicing = voice_chord(span.chord, voicing, low, low + 26)
        for pitch in voicing:
            yield pen.note(pitch, span.start, span.end, 0.35 + 0.35 * arrangement.section_intensity(section))


def _write_comping(arrangement: Arrangement, spans: tuple[ChordSpan, ...]) -> Iterator[Note]:
    """Chords struck, strummed or broken in the style's pattern."""
    player = arrangement.instruments.get("comp")
    if player is None:
        return
    form = arrangement.form
    pen = Performer(arrangement, "comp", "chords", (player, ""))
    voicings = _voice_chords(player, spans)
    strum = _STRUM_SECONDS if player in _STRUMMED_INSTRUMENTS else 0.0

    def strike_chord(index: int, step: int, end: int, mark: str, velocity: float) -> Iterator[Note]:
        voicing = voicings[index]
        if mark.isdigit():
            yield pen.note(voicing[int(mark) % len(voicing)], step, end, velocity * 0.85)
            return
        for order, pitch in enumerate(voicing):
            yield pen.note(pitch, step, end, velocity * (1.0 if mark == "X" else 0.8), delay_seconds=strum * order)

    changes = ChordCursor(spans)
    for section, _, bar in arrangement.bars():
        velocity = 0.45 + 0.4 * arrangement.section_intensity(section)
        for step, held, mark in parse_pattern(arrangement.style.comp[arrangement.pattern_index(section)]):
            first, end = bar + step, bar + step + held
            index = changes.index(first)
            change = spans[index].end
            accent = 1.0 if step % (2 * STEPS_PER_BEAT) == 0 else 0.88
            yield from strike_chord(index, first, min(end, change), mark, velocity * accent)
            if end > change + 1:  # a chord that is held is struck anew when it changes
                yield from strike_chord(index + 1, change, end, mark, velocity * 0.9)
    velocity = 0.5 + 0.3 * arrangement.energy
    last = len(spans) - 1
    if last and not form.sections:
        yield from strike_chord(0, 0, form.final_step, "X", velocity)
    yield from strike_chord(last, form.final_step, form.final_step + 1, "X", velocity)


def _voice_chords(instrument_name: str, spans: tuple[ChordSpan, ...]) -> list[tuple[int, ...]]:
    """The pitches of each chord as this instrument takes them, led from one to the next."""
    instrument = INSTRUMENTS[instrument_name]
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
    """Roots, fifths and steps towards the next root, in the style's pattern."""
    player = arrangement.instruments.get("bass")
    if player is None:
        return
    form = arrangement.form
    pen = Performer(arrangement, "bass", "bass", (player, ""))
    chance = arrangement.part_rng("bass")
    low = max(28, INSTRUMENTS[player].lowest_pitch)
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
            pitch = _bass_pitch(arrangement, mark, spans[index].chord, (roots[index], target, low), chance)
            yield pen.note(pitch, first, min(end, change), velocity * (1.0 if step % STEPS_PER_BEAT == 0 else 0.88))
            if end > change + 1:
                yield pen.note(target, change, end, velocity * 0.9)
    if len(spans) > 1 and not form.sections:
        yield pen.note(roots[0], 0, form.final_step, 0.8)
    yield pen.note(roots[-1], form.final_step, form.final_step + 1, 0.8)


def _fit_bass_range(pitch: int, low: int) -> int:
    """The pitch brought into the bass's range by octaves."""
    while pitch < low:
        pitch += 12
    while pitch > low + _BASS_RANGE_SEMITONES:
        pitch -= 12
    return pitch


def _bass_pitch(
    arrangement: Arrangement, mark: str, chord: Chord, pitches: tuple[int, int, int], rng: random.Random
) -> int:
    """What a mark of a bass pattern means over a chord; `pitches` is its root, the next one and the lowest pitch."""
    root, target, low = pitches
    if mark == "5":
        return _fit_bass_range(nearest_pitch(root + rng.choice((7, -5)), (chord.fifth,)), low)
    if mark == "3":
        return _fit_bass_range(nearest_pitch(root + 3, (chord.third,)), low)
    if mark == "8":
        return root + 12
    if mark == "a":
        side = rng.choice((-1, 1)) if target > low + 2 else 1
        if arrangement.style.swing > 0.6:
            return target + side
        return nearest_pitch(
            target + 2 * side, frozenset(scale_pitch_classes(arrangement.key, arrangement.mode)) - {target % 12}
        )
    return root


def _write_percussion(arrangement: Arrangement) -> Iterator[Note]:
    """The groove of each bar, a fill into each new section, a cymbal on its downbeat, and the last stroke."""
    style, form = arrangement.style, arrangement.form
    pen = Performer(arrangement, "percussion", "percussion", (style.kit, ""))
    chance = arrangement.part_rng("percussion")

    def hit(drum: str, step: int, velocity: float) -> Note:
        return pen.stroke(drum, chance.randrange(STROKE_VARIANTS), step, velocity)

    for section, index, bar in arrangement.bars() if arrangement.percussion else ():
        layer = arrangement.pattern_index(section)
        groove = style.drums[layer]
        loud = 0.62 + 0.38 * min(1.0, arrangement.section_intensity(section))
        fill: list[str] = []
        if groove and layer and index == section.bars - 1 > 0:
            fill = chance.choice(DRUM_FILLS[style.kit]).split()
        turn = form.steps_per_bar - len(fill)
        for drum, pattern in groove.items():
            kept = (
                STEPS_PER_BEAT if drum == "kick" else form.steps_per_bar
            )  # through a fill the kick goes on, on the beat
            for step, _, mark in parse_pattern(pattern):
                if step < turn or step % kept == 0:
                    yield hit(drum, bar + step, _STROKE_VELOCITIES[mark] * loud)
        for at, _, drum in parse_pattern(fill):
            yield hit(drum, bar + turn + at, loud * (0.6 + 0.35 * at / len(fill)))
    if arrangement.percussion and any(style.drums[1]):
        yield from _write_cymbals(arrangement, hit)


def _write_cymbals(arrangement: Arrangement, hit: Callable[[str, int, float], Note]) -> Iterator[Note]:
    """A crash on the downbeat of each strong section, an orchestra's swelling up to it, and the last stroke of all."""
    style, form = arrangement.style, arrangement.form
    for section in form.sections[1:]:
        bar = section.first_bar * form.steps_per_bar
        push = min(1.0, arrangement.section_intensity(section))
        if push > 0.6 and style.drums[arrangement.pattern_index(section)]:
            yield hit("crash", bar, 0.75 * (0.62 + 0.38 * push))
            if style.kit == "orchestral":
                yield hit("swell", bar, push)._replace(start=max(0, form.sample_at(bar) - SWELL_SAMPLES))
    yield hit("kick", form.final_step, 0.55 + 0.4 * arrangement.energy)
    if style.kit != "lo-fi":
        yield hit("crash", form.final_step, 0.3 + 0.55 * arrangement.energy)
