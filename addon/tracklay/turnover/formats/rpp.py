"""REAPER projects: items with their takes, fades and volume envelopes, markers and regions.

A project is text: blocks in angle brackets, one value list a line. REAPER fills in what a project leaves out. The fields of each line are
those of projects that REAPER 7 writes; positions are seconds from the project's start, which has a timecode of its own.
"""

from __future__ import annotations

import uuid
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from ...cue import SAMPLE_RATE
from ..handover import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ...timing import Rate
    from ..handover import Handover, HandoverClip, HandoverTake, HandoverTrack
    from ..session import SessionMark

DROP_FRAME, PULLED_DOWN = 1, 2
"""Values of the project's frame rate flag: 29.97 in drop-frame; 23.976 or 29.97 without it."""

_NAMESPACE = uuid.UUID("6d9bdbb0-7c5f-5a0e-9a27-6d1f4e0c9f53")


def write_file(handover: Handover, path: Path) -> None:
    """Write the project."""
    path.write_text("\n".join(_project_lines(handover)) + "\n", "utf-8", newline="\n")


def _project_lines(handover: Handover) -> Iterator[str]:
    session = handover.session
    yield '<REAPER_PROJECT 0.1 "7.0/tracklay" 0'
    yield "  RIPPLE 0"
    yield f"  PROJOFFS {_seconds(session.start_sample)} 0 0"
    yield f"  SAMPLERATE {SAMPLE_RATE} 1 0"
    yield f"  TIMEMODE 5 5 -1 {session.rate.nominal_fps} {_rate_flag(session.rate, drop_frame=session.drop_frame)} 0 -1"
    yield "  TEMPO 120 4 4"
    for number, mark in enumerate(handover.marks, 1):
        yield from _mark_lines(number, mark)
    for index, track in enumerate(handover.tracks):
        yield from _track_lines(handover, track, index)
    yield ">"


def _rate_flag(rate: Rate, *, drop_frame: bool) -> int:
    if rate.fps.denominator == 1:
        return 0
    return DROP_FRAME if drop_frame else PULLED_DOWN


def _mark_lines(number: int, mark: SessionMark) -> Iterator[str]:
    is_region = int(mark.samples > 0)
    guid = _guid("mark", number)
    yield f"  MARKER {number} {_seconds(mark.start)} {_quoted(mark.name)} {is_region} 0 1 R {guid} 0"
    if is_region:
        yield f'  MARKER {number} {_seconds(mark.start + mark.samples)} "" 1'


def _track_lines(handover: Handover, track: HandoverTrack, index: int) -> Iterator[str]:
    guid = _guid("track", index)
    yield f"  <TRACK {guid}"
    yield f"    NAME {_quoted(track.name)}"
    yield f"    NCHAN {max(2, track.channels + track.channels % 2)}"
    yield f"    TRACKID {guid}"
    for number, clip in enumerate(track.clips):
        yield from _item_lines(handover, clip, f"{index}.{number}")
    yield "  >"


def _item_lines(handover: Handover, clip: HandoverClip, key: str) -> Iterator[str]:
    level = clip.gain.points[0][1] if clip.gain.is_constant else 1.0
    yield "    <ITEM"
    yield f"      POSITION {_seconds(clip.start)}"
    yield f"      LENGTH {_seconds(clip.samples)}"
    yield "      LOOP 0"
    # Shape 0 is a straight line of the gain.
    yield f"      FADEIN 0 {_seconds(clip.fade_in)} 0 0 0 0 0"
    yield f"      FADEOUT 0 {_seconds(clip.fade_out)} 0 0 0 0 0"
    yield "      MUTE 0 0"
    yield f"      IGUID {_guid('item', key)}"
    for number, take in enumerate(clip.takes):
        if number:
            yield "      TAKE"
        yield f"      NAME {_quoted(take.name)}"
        if not number:
            yield f"      VOLPAN {_number(level)} 0 1 -1"
        yield from _take_lines(handover, clip, take, f"{key}.{number}")
    if clip.comment:
        yield "      <NOTES"
        yield f"        |{one_line(clip.comment)}"
        yield "      >"
    yield "    >"


def _take_lines(handover: Handover, clip: HandoverClip, take: HandoverTake, key: str) -> Iterator[str]:
    yield f"      SOFFS {_seconds(take.source_in)}"
    yield "      PLAYRATE 1 1 0 -1 0 0.0025"
    yield "      CHANMODE 0"
    yield f"      GUID {_guid('take', key)}"
    yield "      <SOURCE WAVE"
    yield f"        FILE {_quoted(handover.media_path(take.media))}"
    yield "      >"
    if clip.gain.is_constant:
        return
    yield "      <VOLENV"
    yield f"        EGUID {_guid('envelope', key)}"
    yield "        ACT 1 -1"
    yield "        VIS 1 1 1"
    yield "        ARM 0"
    yield "        DEFSHAPE 0 -1 -1"
    yield "        VOLTYPE 0"  # values are linear gains, not positions of a fader
    for sample, gain in clip.gain.points:
        yield f"        PT {_seconds(sample)} {_number(gain)} 0"
    yield "      >"


def _seconds(samples: int) -> str:
    """Return samples as seconds with 12 decimals: far less than a sample in a day."""
    return _number(Fraction(samples, SAMPLE_RATE))


def _number(value: Any) -> str:
    return f"{float(value):.12f}".rstrip("0").rstrip(".")


def _quoted(text: str) -> str:
    """Return a text in quotes that it does not contain, as REAPER does."""
    text = one_line(text)
    quote = next((mark for mark in ('"', "'", "`") if mark not in text), None)
    return f"{quote}{text}{quote}" if quote else f"`{text.replace('`', chr(39))}`"


def _guid(*parts: Any) -> str:
    """Return an identifier that is the same whenever the project is written."""
    return f"{{{str(uuid.uuid5(_NAMESPACE, '/'.join(map(str, parts)))).upper()}}}"
