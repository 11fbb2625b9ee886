"""Writes a piece: chords in their bars, then the notes of chords, bass and percussion; `melody` writes the tune.

No sound is made here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .drums import SWELL, VARIANTS
from .form import STEPS, Section
from .harmony import CADENCES, MINOR_MODES, MODAL_PROGRESSIONS, Chord, chord, nearest, scale, voice
from .instruments import INSTRUMENTS
from .melody import melody
from .score import STEMS, Band, Changes, Note, Pen, Span, strokes
from .styles import FILLS

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator

__all__ = ["STEMS", "Band", "Note", "Span", "write"]

_STROKES = {"o": 0.45, "x": 0.72, "X": 1.0}
_STRUM = 0.014  # seconds from one string to the next
_STRUMMED = frozenset({"guitar", "clean guitar", "harp"})
_BASS_RANGE = 17  # semitones
_POWER = "electric guitar"  # plays roots only, and adds the fifth itself


def write(band: Band) -> tuple[tuple[Span, ...], tuple[Note, ...]]:
    """The chords, in order, and all notes, by their start."""
    spans = tuple(_harmony(band))
    notes = (*_comping(band, spans), *_pad(band, spans), *_bass(band, spans), *melody(band, spans), *_percussion(band))
    heard = (note for note in notes if note.start < band.form.samples)
    return spans, tuple(sorted(heard, key=lambda note: (note.start, note)))


def _harmony(band: Band) -> Iterator[Span]:
    """A progression for the A parts and one for the B parts, a cadence in the last bar, and the chord it leads to."""
    form, style = band.form, band.style
    chance = band.chance("harmony")
    minor = band.mode in MINOR_MODES
    parts = MODAL_PROGRESSIONS.get(band.mode, style.minor if minor else style.major)
    progressions = {"A": chance.choice(parts[0]), "B": chance.choice(parts[1]), "C": chance.choice(parts[0])}
    cadence, home = CADENCES[band.mode]
    if band.mode not in MODAL_PROGRESSIONS:
        if "maj" in style.major[0][0]:
            cadence, home = ("iih7,V7", "i9") if minor else ("ii7,V7", "Imaj9")
        elif "5 " in style.major[0][0]:
            cadence, home = ("VI5,VII5", "i5") if minor else ("IV5,V5", "I5")
    leading = cadence.split(",")[1]

    def read(symbol: str) -> Chord:
        return chord(symbol, band.key, band.mode)

    for section in form.sections:
        bars = (progressions.get(section.name, progressions["A"]).split() * 2)[: section.bars]
        if section is form.sections[-1]:
            bars[-1] = cadence if len(bars) > 1 else f"{home},{leading}"
        for index, bar in enumerate(bars):
            first = (section.first + index) * form.bar
            middle = first + -(-form.beats // 2) * STEPS
            symbols = bar.split(",")
            yield Span(first, middle if len(symbols) > 1 else first + form.bar, read(symbols[0]))
            if len(symbols) > 1:
                yield Span(middle, first + form.bar, read(symbols[1]))
    if not form.sections and form.final:
        yield Span(0, form.final, read(leading))
    yield Span(form.final, form.final + 1, read(home))


def _pad(band: Band, spans: tuple[Span, ...]) -> Iterator[Note]:
    """Chords held beneath, for as long as they last."""
    player = band.players.get("pad")
    if player is None:
        return
    form = band.form
    pen = Pen(band, "pad", "chords", (player, ""))
    low = max(50, INSTRUMENTS[player].low)
    starts = {section.first * form.bar: section for section in form.sections}
    section = starts.get(0, Section("A", 0, 0, 0.7))
    voicing: tuple[int, ...] | None = None
    for span in spans:
        section = starts.get(span.first, section)
        voicing = voice(span.chord, voicing, low, low + 26)
        for pitch in voicing:
            yield pen.note(pitch, span.first, span.end, 0.35 + 0.35 * band.push(section))


def _comping(band: Band, spans: tuple[Span, ...]) -> Iterator[Note]:
    """Chords struck, strummed or broken in the style's pattern."""
    player = band.players.get("comp")
    if player is None:
        return
    form = band.form
    pen = Pen(band, "comp", "chords", (player, ""))
    voicings = _voicings(player, spans)
    strum = _STRUM if player in _STRUMMED else 0.0

    def struck(index: int, step: int, end: int, mark: str, velocity: float) -> Iterator[Note]:
        voicing = voicings[index]
        if mark.isdigit():
            yield pen.note(voicing[int(mark) % len(voicing)], step, end, velocity * 0.85)
            return
        for order, pitch in enumerate(voicing):
            yield pen.note(pitch, step, end, velocity * (1.0 if mark == "X" else 0.8), late=strum * order)

    changes = Changes(spans)
    for section, _, bar in band.bars():
        velocity = 0.45 + 0.4 * band.push(section)
        for step, held, mark in strokes(band.style.comp[band.layer(section)]):
            first, end = bar + step, bar + step + held
            index = changes.index(first)
            change = spans[index].end
            accent = 1.0 if step % (2 * STEPS) == 0 else 0.88
            yield from struck(index, first, min(end, change), mark, velocity * accent)
            if end > change + 1:  # a chord that is held is struck anew when it changes
                yield from struck(index + 1, change, end, mark, velocity * 0.9)
    velocity = 0.5 + 0.3 * band.energy
    last = len(spans) - 1
    if last and not form.sections:
        yield from struck(0, 0, form.final, "X", velocity)
    yield from struck(last, form.final, form.final + 1, "X", velocity)


def _voicings(player: str, spans: tuple[Span, ...]) -> list[tuple[int, ...]]:
    """The pitches of each chord as this instrument takes them, led from one to the next."""
    instrument = INSTRUMENTS[player]
    low = max(instrument.low, min(53, instrument.high - 24))
    voicings: list[tuple[int, ...]] = []
    for span in spans:
        if player == _POWER:
            root = nearest(voicings[-1][0] if voicings else instrument.low + 5, (span.chord.root,))
            lowest = instrument.low + (span.chord.root - instrument.low) % 12
            voicings.append((root if instrument.low <= root <= instrument.high - 8 else lowest,))
        else:
            voicings.append(voice(span.chord, voicings[-1] if voicings else None, low, low + 23))
    return voicings


def _bass(band: Band, spans: tuple[Span, ...]) -> Iterator[Note]:
    """Roots, fifths and steps towards the next root, in the style's pattern."""
    player = band.players.get("bass")
    if player is None:
        return
    form = band.form
    pen = Pen(band, "bass", "bass", (player, ""))
    chance = band.chance("bass")
    low = max(28, INSTRUMENTS[player].low)
    roots: list[int] = []
    for span in spans:
        roots.append(_fitted(nearest(roots[-1] if roots else low + 8, (span.chord.root,)), low))
    changes = Changes(spans)
    for section, _, bar in band.bars():
        velocity = 0.6 + 0.3 * band.push(section)
        for step, held, mark in strokes(band.style.bass[band.layer(section)]):
            first, end = bar + step, bar + step + held
            index = changes.index(first)
            change = spans[index].end
            target = roots[min(index + 1, len(roots) - 1)]
            pitch = _bass_pitch(band, mark, spans[index].chord, (roots[index], target, low), chance)
            yield pen.note(pitch, first, min(end, change), velocity * (1.0 if step % STEPS == 0 else 0.88))
            if end > change + 1:
                yield pen.note(target, change, end, velocity * 0.9)
    if len(spans) > 1 and not form.sections:
        yield pen.note(roots[0], 0, form.final, 0.8)
    yield pen.note(roots[-1], form.final, form.final + 1, 0.8)


def _fitted(pitch: int, low: int) -> int:
    """The pitch brought into the bass's range by octaves."""
    while pitch < low:
        pitch += 12
    while pitch > low + _BASS_RANGE:
        pitch -= 12
    return pitch


def _bass_pitch(band: Band, mark: str, now: Chord, place: tuple[int, int, int], chance: random.Random) -> int:
    """What a mark of a bass pattern means over a chord; `place` is its root, the next one and the lowest pitch."""
    root, target, low = place
    if mark == "5":
        return _fitted(nearest(root + chance.choice((7, -5)), (now.fifth,)), low)
    if mark == "3":
        return _fitted(nearest(root + 3, (now.third,)), low)
    if mark == "8":
        return root + 12
    if mark == "a":
        side = chance.choice((-1, 1)) if target > low + 2 else 1
        if band.style.swing > 0.6:
            return target + side
        return nearest(target + 2 * side, frozenset(scale(band.key, band.mode)) - {target % 12})
    return root


def _percussion(band: Band) -> Iterator[Note]:
    """The groove of each bar, a fill into each new section, a cymbal on its downbeat, and the last stroke."""
    style, form = band.style, band.form
    pen = Pen(band, "percussion", "percussion", (style.kit, ""))
    chance = band.chance("percussion")

    def hit(drum: str, step: int, velocity: float) -> Note:
        return pen.stroke(drum, chance.randrange(VARIANTS), step, velocity)

    for section, index, bar in band.bars() if band.percussion else ():
        layer = band.layer(section)
        groove = style.drums[layer]
        loud = 0.62 + 0.38 * min(1.0, band.push(section))
        fill: list[str] = []
        if groove and layer and index == section.bars - 1 > 0:
            fill = chance.choice(FILLS[style.kit]).split()
        turn = form.bar - len(fill)
        for drum, pattern in groove.items():
            kept = STEPS if drum == "kick" else form.bar  # through a fill the kick goes on, on the beat
            for step, _, mark in strokes(pattern):
                if step < turn or step % kept == 0:
                    yield hit(drum, bar + step, _STROKES[mark] * loud)
        for at, _, drum in strokes(fill):
            yield hit(drum, bar + turn + at, loud * (0.6 + 0.35 * at / len(fill)))
    if band.percussion and any(style.drums[1]):
        yield from _cymbals(band, hit)


def _cymbals(band: Band, hit: Callable[[str, int, float], Note]) -> Iterator[Note]:
    """A crash on the downbeat of each strong section, an orchestra's swelling up to it, and the last stroke of all."""
    style, form = band.style, band.form
    for section in form.sections[1:]:
        bar = section.first * form.bar
        push = min(1.0, band.push(section))
        if push > 0.6 and style.drums[band.layer(section)]:
            yield hit("crash", bar, 0.75 * (0.62 + 0.38 * push))
            if style.kit == "orchestral":
                yield hit("swell", bar, push)._replace(start=max(0, form.at(bar) - SWELL))
    yield hit("kick", form.final, 0.55 + 0.4 * band.energy)
    if style.kit != "lo-fi":
        yield hit("crash", form.final, 0.3 + 0.55 * band.energy)
