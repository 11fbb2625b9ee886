"""The sound of a timeline itself as WAV files, for editors that cannot decode it: Resolve for Linux decodes no AAC."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from fractions import Fraction
from itertools import count
from typing import TYPE_CHECKING, NamedTuple

import opentimelineio as otio

from ...atomic_io import atomic_write, temp_dir
from ...cue import SAMPLE_RATE
from ...errors import TracklayError
from ...media.bwf import BwfWriter
from ...media.probe import read_video_header
from ...mix.decoded_sound import DecodedSounds
from ..mixing.otio_scene import read_otio_scene
from .formats import TimelineText
from .take_tracks import OtioTake

if TYPE_CHECKING:
    from pathlib import Path

    from ...cue import Cue
    from ...mix.decoded_sound import SoundReader
    from ...timing import Rate

BLOCK_SAMPLES = 1 << 18
"""Samples that are copied at a time."""

DESCRIPTION = "Own sound of"
"""The beginning of the description in our files, by which they are known: any other file with such a name stays."""


class OwnSound(NamedTuple):
    """A stretch of a file's sound, from `offset` seconds on a clock that begins at `zero`; frames count from the tracks' beginning."""

    name: str
    file: Path
    start: int
    frames: int
    offset: Fraction
    zero: Fraction = Fraction(0)


def _find_own_sounds(
    source: TimelineText, cues: Iterable[Cue], rate: Rate, start_frame: int
) -> tuple[list[OwnSound], list[str]]:
    """Return the sounds of a timeline's own audio tracks, or, if it has none, those of its visible clips; and notes on what has none."""
    scene, notes, _ = read_otio_scene(source)
    placed = [each for each in scene.sources if each.id not in scene.origins]
    if placed:
        second = Fraction(1, SAMPLE_RATE)
        found = []
        for each in placed:
            start = rate.frames(each.start * second)
            frames = rate.frames((each.start + each.samples) * second) - start
            found.append(OwnSound(each.name, each.file, start, frames, each.offset * second))
        return [each for each in found if each.frames > 0], notes
    sounds = []
    for cue in cues:
        picture, span = cue.picture, cue.span
        begins = picture.time_map.source_seconds(span.start)
        if picture.error or picture.images:
            continue
        if picture.time_map.source_seconds(span.end) - begins != span.seconds:
            notes.append(f"left out: the sound of {cue.id}, which has another speed.")
            continue
        zero = read_video_header(picture.source).start
        sounds.append(OwnSound(cue.id, picture.source, span.start - start_frame, span.frames, begins, zero))
    return sounds, notes


def write_own_sounds(
    text: str, base: Path, cues: Iterable[Cue], rate: Rate, start_frame: int, folder: Path, stem: str
) -> tuple[list[OtioTake], list[str]]:
    """Write the own sound of a timeline as WAV files of exactly its frames; return them as they go on tracks, and notes on the rest.

    The files are named after the timeline, and replaced by the next run; another program's file with such a name stays.

    Args:
        text: the timeline without takes.
        base: the folder that its relative paths start from.
        cues: its cues, whose files have the sound if it has no audio track.
        rate: its frame rate.
        start_frame: the frame that its tracks begin on, from timecode zero.
        folder: the folder of the files.
        stem: the first part of their names.

    Raises:
        OutputError: one cannot be written.
    """
    source = TimelineText(text, otio.core.deserialize_json_from_string(text), base)
    sounds, notes = _find_own_sounds(source, cues, rate, start_frame)
    written: list[OtioTake] = []
    names = (folder / f"{stem}.original{number}.wav" for number in count(1))
    with temp_dir(folder) as work, DecodedSounds(work) as decoded:
        for sound in sounds:
            try:
                reader = decoded.open(sound.file, None, sound.zero)
            except TracklayError as error:
                notes.append(f"left out: {sound.name}: {error}")
                continue
            file = next(path for path in names if not path.exists() or _is_own_file(path))
            time_reference = rate.samples(sound.start + start_frame, SAMPLE_RATE)
            _write_stretch(reader, sound, rate.samples(sound.frames, SAMPLE_RATE), time_reference, file)
            written.append(OtioTake(sound.start, sound.frames, file, {}, {}, audible=True))
    return written, notes


def _is_own_file(path: Path) -> bool:
    with path.open("rb") as file:
        return DESCRIPTION.encode() in file.read(512)


def _write_stretch(reader: SoundReader, sound: OwnSound, samples: int, time_reference: int, file: Path) -> None:
    first = round(sound.offset * SAMPLE_RATE)
    with atomic_write(file) as beside, beside.open("wb") as out:
        writer = BwfWriter(
            out,
            reader.channels,
            SAMPLE_RATE,
            description=f"{DESCRIPTION} {sound.name}",
            originator_reference="",
            created_at=datetime.now(UTC),
            time_reference=time_reference,
            coding_history="",
        )
        for begin in range(0, samples, BLOCK_SAMPLES):
            writer.write(reader.read(first + begin, first + min(begin + BLOCK_SAMPLES, samples)))
        writer.close()
