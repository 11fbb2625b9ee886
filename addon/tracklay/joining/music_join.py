"""Joins files of music that are parts of one piece: a part continues the one before, or its bars go on from a downbeat of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..media.bwf import plain_bwf_writer
from ..media.wav_reader import WavReader
from ..music_analysis.analyzer import analyze_music
from .beats import find_beat_join
from .continuation import CROSSFADE_SECONDS, find_continuation
from .join import LEVEL_REACH_SECONDS
from .join_files import PartFile, join_files
from .levels import SEAM_LIMIT_DB, level_difference

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ..listening.spectrum import Samples
    from ..music_analysis.analyzer import MusicAnalysis

SILENT_PEAK = 10 ** (-60 / 20)
"""-60 dBFS: music that stays below this to its end has ended there."""

LEAST_SILENCE_SECONDS = 0.1
"""A shorter silence at the end belongs to the music."""

CONTEXT_SECONDS = 24
"""Music beside an overlap in which beats are tracked too: bars are found from a dozen of them."""

REACH = 1.5
"""A downbeat to join on is in the last or first stretch of a part that is this many times the overlap."""

SAME_TEMPO = 0.02
"""Tempi that differ by more are named in a note."""

LEAST_ADDED_SECONDS = 0.5
"""A continuation that adds less is left out."""

BLOCK_SAMPLES = 1 << 18

NO_BEAT_NOTE = "parts {} and {} are joined in a crossfade, not on a beat: none was found on which their bars fit"
TEMPO_NOTE = "parts {} and {} are joined on a downbeat; their tempi are {:.1f} and {:.1f}"
NOTHING_ADDED_NOTE = "part {} is left out: its music does not go on after the end of part {}"


class MusicPart(NamedTuple):
    """A WAV file with one part of a piece of music.

    Attributes:
        path: the file; it has the rate of the joined music.
        number: of the part, for notes.
        overlap: samples by which it is meant to overlap the part before.
        continues: the model was given the last `overlap` samples of the part before.
    """

    path: Path
    number: int
    overlap: int
    continues: bool = False


class JoinedMusic(NamedTuple):
    """Joined music.

    Attributes:
        parts: for each part that is heard: its number, its first sample in the joined music and the one after its last, and its gain
            in dB.
        seams: the seams as the manifest has them.
        notes: sentences for the user.
        samples: length of the joined music.
    """

    parts: list[tuple[int, int, int, float]]
    seams: list[dict[str, Any]]
    notes: list[str]
    samples: int


@dataclass(slots=True)
class _Piece:
    """A part where it lies in the joined music: of its file, `length` samples at a gain, faded in by `crossfade`."""

    part: MusicPart
    start: int
    length: int
    gain: float = 1.0
    crossfade: tuple[int, int] | None = None
    is_fixed: bool = False

    @property
    def end(self) -> int:
        return self.start + self.length

    @property
    def free_from(self) -> int:
        """The first sample, counted from its own first, that is heard alone."""
        return 0 if self.crossfade is None else sum(self.crossfade) - self.start

    def read(self, start: int, stop: int) -> Samples:
        with WavReader(self.part.path) as wav:
            return wav.read(start, stop)


class _Place(NamedTuple):
    """A part's place: its first sample in the joined music, its crossfade, and what the manifest says about the join."""

    start: int
    crossfade: tuple[int, int] | None
    described: dict[str, Any]
    gain: float = 1.0
    note: str = ""


def join_music(parts: Sequence[MusicPart], out: Path, sample_rate: int, least: int, channels: int) -> JoinedMusic:
    """Write parts of music to one file: continuations to the sample, other parts on a downbeat, or in a crossfade where there is no beat.

    Args:
        parts: in order.
        out: the WAV to write, atomically.
        sample_rate: Hz, of all files.
        least: samples that the joined music should have: joins on a downbeat take no more away.
        channels: of the joined music, 1 or 2.

    Raises:
        InvalidInput: a file has another rate.
        MediaError: a file cannot be read.
        OutputError: `out` cannot be written.
    """
    pieces: list[_Piece] = []
    described: list[dict[str, Any]] = []
    notes: list[str] = []
    lengths = [heard_length(part.path, sample_rate) for part in parts]
    for index, (part, length) in enumerate(zip(parts, lengths, strict=True)):
        piece = _Piece(part, 0, length if index + 1 < len(parts) else _file_length(part.path))
        if pieces:
            rest = sum(
                after - each.overlap for each, after in zip(parts[index + 1 :], lengths[index + 1 :], strict=True)
            )
            place = _place_part(pieces[-1], piece, sample_rate, least - piece.length - rest)
            if place.start + piece.length < pieces[-1].end + LEAST_ADDED_SECONDS * sample_rate:
                notes.append(NOTHING_ADDED_NOTE.format(part.number, pieces[-1].part.number))
                continue
            piece.start, piece.crossfade, piece.gain = place.start, place.crossfade, place.gain
            described.append(place.described)
            notes += [place.note] if place.note else []
            if part.continues:
                pieces[-1].is_fixed = piece.is_fixed = True
            elif any(after.continues for after in parts[index + 1 : index + 2]):
                # What continues a part has its level, so the gains of all are constant.
                piece.gain = pieces[-1].gain * _matching_gain(pieces[-1], piece, sample_rate)
        pieces.append(piece)
    _keep_below_full_scale(pieces)
    files = [
        PartFile(
            piece.part.path,
            piece.start,
            is_fixed=piece.is_fixed,
            crossfade=piece.crossfade,
            length=piece.length,
            gain=piece.gain,
        )
        for piece in pieces
    ]
    join = join_files(files, out, sample_rate, pieces[-1].end, channels)
    levels_db = [level + 20 * float(np.log10(piece.gain)) for level, piece in zip(join.levels_db, pieces, strict=True)]
    return JoinedMusic(
        [
            (piece.part.number, piece.start, piece.end, round(level, 2))
            for piece, level in zip(pieces, levels_db, strict=True)
        ],
        [
            {"between": [left.part.number, right.part.number], **seam.to_dict(), **how}
            for seam, how, (left, right) in zip(join.seams, described, pairwise(pieces), strict=True)
        ],
        notes,
        join.length,
    )


def heard_length(path: Path, sample_rate: int) -> int:
    """Return the length of a piece of music without the silence at its end, in samples; all of it if it is silent throughout."""
    with WavReader(path) as wav:
        length = wav.format.samples
        for stop in range(length, 0, -BLOCK_SAMPLES):
            first = max(0, stop - BLOCK_SAMPLES)
            loud = np.flatnonzero(np.abs(wav.read(first, stop)).max(axis=1) > SILENT_PEAK)
            if len(loud):
                end = first + int(loud[-1]) + 1
                return end if length - end > LEAST_SILENCE_SECONDS * sample_rate else length
    return length


def cut_tail(music: Path, to: Path, samples: int) -> None:
    """Write the end of a piece of music, without silence after it, to a WAV of its rate and channels.

    Args:
        music: the WAV.
        to: the WAV to write.
        samples: length of the end; of a shorter piece all is written.

    Raises:
        MediaError: the music cannot be read.
    """
    with WavReader(music) as wav, to.open("wb") as file:
        end = heard_length(music, wav.format.sample_rate)
        # Without a date: the same end is the same file.
        epoch = datetime.fromtimestamp(0, UTC)
        writer = plain_bwf_writer(file, wav.format.channels, wav.format.sample_rate, created_at=epoch)
        writer.write(wav.read(max(0, end - samples), end))
        writer.close()


def _file_length(path: Path) -> int:
    with WavReader(path) as wav:
        return wav.format.samples


def _place_part(left: _Piece, right: _Piece, sample_rate: int, earliest: int) -> _Place:
    """Return the place of a part after another one. On a downbeat it begins no earlier than at `earliest` of the joined music."""
    if right.part.continues:
        return _continue_part(left, right, sample_rate)
    overlap = min(right.part.overlap, left.length // 2, right.length // 2)
    if (place := _align_bars(left, right, sample_rate, overlap, earliest)) is not None:
        return place
    note = NO_BEAT_NOTE.format(left.part.number, right.part.number)
    return _Place(left.end - overlap, None, {"join": "crossfade"}, note=note)


def _continue_part(left: _Piece, right: _Piece, sample_rate: int) -> _Place:
    given = min(right.part.overlap, left.length)
    tail = left.read(left.length - given, left.length)
    # What was given is at the reply's beginning, if at all.
    reply = right.read(0, min(right.length, 2 * given + CONTEXT_SECONDS * sample_rate))
    found = find_continuation(tail, reply, sample_rate)
    described = {"join": "continuation", "contains_tail": found.contains_tail}
    if not found.contains_tail:
        return _Place(left.end, None, described, left.gain)
    fade = min(round(CROSSFADE_SECONDS * sample_rate), found.end, left.length - left.free_from)
    return _Place(left.end - found.end, (left.end - fade, fade), described, left.gain * found.gain)


def _matching_gain(left: _Piece, right: _Piece, sample_rate: int) -> float:
    """Return the gain that makes a part as loud as the one before around their crossfade, within the limit of seams."""
    middle = (right.start + left.end) // 2 if right.crossfade is None else sum(right.crossfade)
    reach = round(LEVEL_REACH_SECONDS * sample_rate)
    first, stop = max(right.start, middle - reach), min(left.end, middle + reach)
    sounds = [piece.read(first - piece.start, stop - piece.start) for piece in (left, right)]
    difference = level_difference(sounds[0], sounds[1], sample_rate)
    decibels = 0.0 if difference is None else difference.decibels
    return float(10 ** (min(SEAM_LIMIT_DB, max(-SEAM_LIMIT_DB, decibels)) / 20))


def _align_bars(left: _Piece, right: _Piece, sample_rate: int, overlap: int, earliest: int) -> _Place | None:
    """Return the place at which a downbeat of a part falls on one of the part before; None if one of them has no beat."""
    context = CONTEXT_SECONDS * sample_rate
    first = max(0, left.length - overlap - context)
    before = _analyze(left, first, left.length, sample_rate)
    after = _analyze(right, 0, min(right.length, overlap + context), sample_rate)
    if not (before.tempo_confidence and after.tempo_confidence):
        return None
    reach, region = round(REACH * overlap), left.length - first
    beat = 60 * sample_rate / before.tempo
    ending = int(before.beats[before.ending.first_beat]) if before.ending.is_own else region
    wanted = min(earliest - left.start - first, region - overlap)
    # Rather a join in the part's own ending than music that is too short, and rather a bar too little than bars that do not fit.
    for last, least in ((ending, wanted), (region, wanted), (region, wanted - round(before.meter * beat))):
        found = find_beat_join(
            left.read(first, left.length),
            right.read(0, after.samples),
            sample_rate,
            [int(each) for each in before.downbeats if max(region - reach, left.free_from - first) < each <= last],
            [int(each) for each in after.downbeats if each < reach],
            beat,
            expected_start=region - overlap,
            # A part begins and ends after the one before, which may be much shorter.
            earliest_start=max(least, region - right.length + 1, 1 - first),
            right_beats=[int(each) for each in after.beats if each < reach],
        )
        if found is not None:
            break
    if found is None:
        return None
    position, fade = found.crossfade_span(sample_rate)
    origin = left.start + first
    tempi = before.tempo, after.tempo
    described = {
        "join": "downbeat",
        "downbeat": origin + found.downbeat,
        "tempi": [round(tempo, 2) for tempo in tempi],
    }
    is_same = abs(tempi[0] / tempi[1] - 1) <= SAME_TEMPO
    note = "" if is_same else TEMPO_NOTE.format(left.part.number, right.part.number, *tempi)
    return _Place(origin + found.start, (origin + position, fade), described, note=note)


def _analyze(piece: _Piece, first: int, end: int, sample_rate: int) -> MusicAnalysis:
    return analyze_music(lambda start, stop: piece.read(first + start, first + stop), end - first, sample_rate)


def _keep_below_full_scale(pieces: Sequence[_Piece]) -> None:
    """Lower all parts alike where a continuation at its tail's level would exceed full scale: a step would be heard."""
    raised = [piece for piece in pieces if piece.gain > 1]
    highest = max((piece.gain * peak for piece in raised for peak in _peaks(piece)), default=1.0)
    if highest > 1:
        for piece in pieces:
            piece.gain /= highest


def _peaks(piece: _Piece) -> Iterator[float]:
    for first in range(0, piece.length, BLOCK_SAMPLES):
        yield float(np.abs(piece.read(first, min(piece.length, first + BLOCK_SAMPLES))).max(initial=0.0))
