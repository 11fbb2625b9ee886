"""Writes the score of a piece: the chords of every bar, then the notes of accompaniment, bass and percussion.

`melody` writes the melody, `mixer` renders the notes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from .accents import clear_around_hits, write_accents
from .drums import STROKE_VARIANTS, SWELL_SAMPLES
from .form import BARS_PER_PHRASE, STEPS_PER_BEAT, Section
from .grooves import FULL, USUAL, Groove, pick_grooves, vary_pattern
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
_PULSE_DRUMS = ("kick", "snare", "clap")
_VARIED_BARS_SHARE = 0.6  # share of every other bar in which one stroke of the groove comes or goes
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
    if arrangement.form.hits:
        notes = (*clear_around_hits(notes, arrangement.form), *write_accents(arrangement, spans))
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
    cadence, home = _cadence(arrangement)
    leading = cadence.split(",")[1]

    def parse_symbol(symbol: str) -> Chord:
        return parse_chord(symbol, arrangement.key, arrangement.mode)

    for section in form.sections:
        # A progression has four bars, a section at most seven.
        bars = (progressions.get(section.name, progressions["A"]).split() * 2)[: section.bars]
        if repetition := arrangement.repetition(section):
            _substitute_chords(
                bars, (*parts[0], *parts[1]), arrangement.part_rng(f"harmony/{section.name}/{repetition}")
            )
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


def _cadence(arrangement: Arrangement) -> tuple[str, str]:
    """Return the chords of the last bar, and the final chord."""
    style, minor = arrangement.style, arrangement.mode in MINOR_MODES
    # A style of seventh or power chords, which its first progression shows, ends on such chords too.
    if arrangement.mode not in MODAL_PROGRESSIONS:
        if "maj" in style.major[0][0]:
            return ("iih7,V7", "i9") if minor else ("ii7,V7", "Imaj9")
        if "5 " in style.major[0][0]:
            return ("VI5,VII5", "i5") if minor else ("IV5,V5", "I5")
    return CADENCES[arrangement.mode]


def _substitute_chords(bars: list[str], progressions: tuple[str, ...], rng: random.Random) -> None:
    """Replace one or two chords in the middle of a progression by what another of the style has there, in place.

    The first chord and the last stay, so that the part is recognised and leads on as before.
    """
    places = list(range(1, len(bars) - 1))
    for place in rng.sample(places, min(len(places), rng.choice((1, 1, 2)))):
        others = [line.split()[place % BARS_PER_PHRASE] for line in progressions]
        bars[place] = rng.choice([other for other in others if other != bars[place]] or [bars[place]])


def _write_pad(arrangement: Arrangement, spans: tuple[ChordSpan, ...]) -> Iterator[Note]:
    """Yield the notes of the pad, which holds each chord for its whole length."""
    instrument_name = arrangement.instruments.get("pad")
    if instrument_name is None:
        return
    form = arrangement.form
    performer = Performer(arrangement, "pad", "chords", (instrument_name, ""))
    lowest = INSTRUMENTS[instrument_name].lowest_pitch
    low = base = max(52, lowest)
    starts = {section.first_bar * form.steps_per_bar: section for section in form.sections}
    section = starts.get(0, Section("A", 0, 0, 0.7))
    voicing: tuple[int, ...] | None = None
    for span in spans:
        if span.start in starts:
            section = starts[span.start]
            base = max(lowest, low + arrangement.register_shift(section))
            voicing = None  # a new section may begin in another position
        voicing = voice_chord(span.chord, voicing, base, base + 26)
        for pitch in voicing:
            yield performer.note(pitch, span.start, span.end, 0.35 + 0.35 * arrangement.section_intensity(section))


def _write_comping(arrangement: Arrangement, spans: tuple[ChordSpan, ...]) -> Iterator[Note]:
    """Yield the notes of the accompaniment: chords struck, strummed or broken in the style's pattern."""
    instrument_name = arrangement.instruments.get("comp")
    if instrument_name is None:
        return
    form = arrangement.form
    performer = Performer(arrangement, "comp", "chords", (instrument_name, ""))
    voicings = _voice_chords(arrangement, instrument_name, spans)
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
        for step, held, mark in parse_pattern(arrangement.pattern_for(section, "comp", arrangement.style.comp)):
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


def _voice_chords(
    arrangement: Arrangement, instrument_name: str, spans: tuple[ChordSpan, ...]
) -> list[tuple[int, ...]]:
    """Return the pitches of each chord in the range of this instrument, with smooth voice leading."""
    instrument = INSTRUMENTS[instrument_name]
    # Around middle C (F3 and up), where chords are neither muddy nor in the way of the melody.
    low = base = max(instrument.lowest_pitch, min(53, instrument.highest_pitch - 24))
    starts = {section.first_bar * arrangement.form.steps_per_bar: section for section in arrangement.form.sections}
    voicings: list[tuple[int, ...]] = []
    for span in spans:
        fresh = span.start in starts
        if fresh:
            shifted = low + arrangement.register_shift(starts[span.start])
            base = max(instrument.lowest_pitch, min(shifted, instrument.highest_pitch - 24))
        if instrument_name == _POWER_CHORD_INSTRUMENT:
            root = nearest_pitch(voicings[-1][0] if voicings else instrument.lowest_pitch + 5, (span.chord.root,))
            lowest = instrument.lowest_pitch + (span.chord.root - instrument.lowest_pitch) % 12
            voicings.append((root if instrument.lowest_pitch <= root <= instrument.highest_pitch - 8 else lowest,))
        else:
            previous = voicings[-1] if voicings and not fresh else None
            voicings.append(voice_chord(span.chord, previous, base, base + 23))
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
        for step, held, mark in parse_pattern(arrangement.pattern_for(section, "bass", arrangement.style.bass)):
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
    if not arrangement.percussion:
        return
    performer = Performer(arrangement, "percussion", "percussion", (style.kit, ""))
    rng = arrangement.part_rng("percussion")
    grooves = {name: pick_grooves(style.groove, arrangement.part_rng(f"groove/{name}")) for name in "AB"}

    def hit(drum: str, step: int, velocity: float) -> Note:
        return performer.stroke(drum, rng.randrange(STROKE_VARIANTS), step, velocity)

    for section, index, bar in arrangement.bars():
        if not arrangement.part_plays("percussion", section):
            continue
        level = arrangement.pattern_index(section)
        # B parts keep kick and backbeat of the A parts and change what goes on around them.
        kept_drums = {drum: grooves["A"][level][drum] for drum in _PULSE_DRUMS if drum in grooves["A"][level]}
        groove = {**grooves["B"][level], **kept_drums} if section.name == "B" else grooves["A"][level]
        if groove and index % 2 and rng.random() < _VARIED_BARS_SHARE:
            drum = rng.choice(sorted(groove))
            groove = {**groove, drum: vary_pattern(groove[drum], rng)}
        loudness = 0.62 + 0.38 * min(1.0, arrangement.section_intensity(section))
        fill: list[str] = []
        # A fill ends a section of at least two bars, unless its drums are thin or silent.
        if groove and level and index == section.bars - 1 > 0:
            fill = rng.choice(DRUM_FILLS[style.kit]).split()
        yield from _write_groove_bar(form.steps_per_bar, bar, groove, fill, loudness, hit)
    yield from _write_cymbals(arrangement, {level: bool(grooves["A"][level]) for level in range(FULL + 1)}, hit)


def _write_groove_bar(
    steps: int, bar: int, groove: Groove, fill: list[str], loudness: float, hit: Callable[[str, int, float], Note]
) -> Iterator[Note]:
    """Yield one bar of a groove, of `steps` steps from step `bar` on, that ends in a fill."""
    fill_start = steps - len(fill)
    for drum, pattern in groove.items():
        # During a fill the kick keeps the beat and the other drums of the groove stop.
        kept = STEPS_PER_BEAT if drum == "kick" else steps
        for step, _, mark in parse_pattern(pattern):
            if step < fill_start or step % kept == 0:
                yield hit(drum, bar + step, _STROKE_VELOCITIES[mark] * loudness)
    for at, _, drum in parse_pattern(fill):
        yield hit(drum, bar + fill_start + at, loudness * (0.6 + 0.35 * at / len(fill)))


def _write_cymbals(
    arrangement: Arrangement, playing: Mapping[int, bool], hit: Callable[[str, int, float], Note]
) -> Iterator[Note]:
    """Yield a crash at the start of each strong section, in an orchestra after a swell, and the final stroke.

    `playing` gives the levels of the groove that have drums at all.
    """
    style, form = arrangement.style, arrangement.form
    if not playing[USUAL]:
        return
    for section in form.sections[1:]:
        bar = section.first_bar * form.steps_per_bar
        intensity = min(1.0, arrangement.section_intensity(section))
        if intensity > 0.6 and playing[arrangement.pattern_index(section)]:
            yield hit("crash", bar, 0.75 * (0.62 + 0.38 * intensity))
            if style.kit == "orchestral":
                yield hit("swell", bar, intensity)._replace(start=max(0, form.sample_at(bar) - SWELL_SAMPLES))
    if form.arc == "falling":  # it ends in a whisper
        return
    yield hit("kick", form.final_step, 0.55 + 0.4 * arrangement.energy)
    if style.kit != "lo-fi":
        yield hit("crash", form.final_step, 0.3 + 0.55 * arrangement.energy)
