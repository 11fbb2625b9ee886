"""The notes at hit points: all parts strike together, after a breath; at a stop they are silent afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...cue import SAMPLE_RATE
from .drums import KITS, STROKE_VARIANTS, SWELL_SAMPLES
from .form import STEPS_PER_BEAT
from .harmony import nearest_pitch
from .instruments import INSTRUMENTS
from .score import ChordCursor, Performer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .form import Form
    from .score import Arrangement, ChordSpan, Note

_BREATH_SAMPLES = SAMPLE_RATE // 8  # before a hit no note begins: a stroke out of a short rest is heard as an accent
_STOP_TAIL_SAMPLES = SAMPLE_RATE // 4  # what sounds at a stop ends within this time
_BUILD_BEATS = 8  # beats of a roll that grows into a hit
_HELD_STEPS = 2 * STEPS_PER_BEAT
_ROLL_DRUMS = ("low", "snare", "mid", "hat", "tick")


def clear_around_hits(notes: Iterable[Note], form: Form) -> Iterator[Note]:
    """Yield the notes without those that begin just before a hit or in the silence after a stop; what sounds there ends."""
    stops = tuple(_stops(form))
    for note in notes:
        if any(hit.sample - _BREATH_SAMPLES <= note.start < hit.sample for hit in form.hits):
            continue
        if any(start <= note.start < end for start, end in stops):
            continue
        ends = [start + _STOP_TAIL_SAMPLES for start, end in stops if note.start < start < note.start + note.duration]
        yield note._replace(duration=ends[0] - note.start) if ends else note


def _stops(form: Form) -> Iterator[tuple[int, int]]:
    """Yield the silences, (first, end) in samples: from a stop to the bar line at least half a bar later, or the next hit."""
    for index, hit in enumerate(form.hits):
        if hit.kind != "stop":
            continue
        step = form.step_at(hit.sample)
        bar = form.steps_per_bar
        resumes = form.sample_at(-(-(step + bar // 2) // bar) * bar)
        later = [each.sample for each in form.hits[index + 1 :] if each.sample > hit.sample]
        yield hit.sample, min([resumes, *later])


def write_accents(arrangement: Arrangement, spans: tuple[ChordSpan, ...]) -> Iterator[Note]:
    """Yield the notes of all hits: chord and bass, crash and kick, and the roll or swell that leads to a build."""
    form, style = arrangement.form, arrangement.style
    cursor = ChordCursor(spans)
    for hit in form.hits:
        step = form.step_at(hit.sample)
        chord = spans[cursor.index(step)].chord
        held = form.sample_at(step + (1 if hit.kind == "stop" else _HELD_STEPS)) - form.sample_at(step)
        for part, stem, tones in (
            ("comp", "chords", chord.tones),
            ("pad", "chords", chord.tones),
            ("bass", "bass", (chord.root,)),
        ):
            name = arrangement.instruments.get(part)
            if name is None or (part == "pad" and "comp" in arrangement.instruments):
                continue
            instrument = INSTRUMENTS[name]
            low = max(instrument.lowest_pitch, 28 if part == "bass" else 53)
            performer = Performer(arrangement, f"hit/{hit.sample}/{part}", stem, (name, ""))
            for tone in tones:
                pitch = min(instrument.highest_pitch, nearest_pitch(low + 6, (tone % 12,)))
                note = performer.note(pitch, step, step + _HELD_STEPS, 1.0)
                yield note._replace(start=hit.sample, duration=held, velocity=1.0)
        if not arrangement.percussion:
            continue
        drums = KITS[style.kit]
        performer = Performer(arrangement, f"hit/{hit.sample}", "percussion", (style.kit, ""))
        for drum in ("kick", "low", "crash"):
            if drum in drums and (drum != "crash" or hit.kind != "stop"):
                yield performer.stroke(drum, 0, step, 1.0)._replace(start=hit.sample, velocity=1.0)
        if hit.kind == "build":
            yield from _build_up(arrangement, performer, hit.sample, step)


def _build_up(arrangement: Arrangement, performer: Performer, sample: int, step: int) -> Iterator[Note]:
    """Yield a roll in sixteenths that grows into a hit, and the swell of a cymbal where the kit has one."""
    drums = KITS[arrangement.style.kit]
    if "swell" in drums and sample >= SWELL_SAMPLES:
        yield performer.stroke("swell", 0, step, 1.0)._replace(start=sample - SWELL_SAMPLES)
    drum = next((name for name in _ROLL_DRUMS if name in drums), None)
    first = max(0, step - _BUILD_BEATS * STEPS_PER_BEAT)
    for at in range(first, step) if drum else ():
        yield performer.stroke(drum or "", at % STROKE_VARIANTS, at, 0.15 + 0.75 * (at - first) / max(1, step - first))
