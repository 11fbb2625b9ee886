"""EDLs (CMX 3600), one for each track: with the time references of the WAV files an editor finds each sound by its timecode.

The format counts in frames and has no gain but in comments, which are written as Media Composer does.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ...cue import SAMPLE_RATE
from ...mix.gain_curve import db_of_gain
from ..handover import one_line
from .fcp7 import note_between_frames

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ..handover import Handover, HandoverClip, HandoverTrack

REEL_CHARS = 8
"""Characters of a reel's name."""

_NOT_IN_REELS = re.compile(r"[^A-Z0-9]+")


def write_file(handover: Handover, path: Path) -> None:
    """Write the folder of EDLs."""
    path.mkdir()
    reels = _name_reels(handover)
    for track in handover.tracks:
        lines = "\r\n".join(_edl_lines(handover, track, reels))
        (path / f"{track.name}.edl").write_bytes(f"{lines}\r\n".encode())
    note_between_frames(handover)


def _name_reels(handover: Handover) -> dict[str, str]:
    """Return a reel name for each media file: the beginning of its name, numbered where two are the same."""
    found: dict[str, str] = {}
    for media in (clip.media for track in handover.tracks for clip in track.clips):
        if media.name in found:
            continue
        stem = _NOT_IN_REELS.sub("", media.file.stem.upper()) or "SOUND"
        reel, number = stem[:REEL_CHARS], 1
        while reel in found.values():
            number += 1
            reel = f"{stem[: REEL_CHARS - len(str(number))]}{number}"
        found[media.name] = reel
    return found


def _edl_lines(handover: Handover, track: HandoverTrack, reels: dict[str, str]) -> Iterator[str]:
    yield f"TITLE: {one_line(handover.session.name)} {track.name}"
    yield f"FCM: {'DROP FRAME' if handover.session.drop_frame else 'NON-DROP FRAME'}"
    yield ""
    for number, clip in enumerate(track.clips, 1):
        yield _event_line(handover, clip, number, reels[clip.media.name])
        yield f"* FROM CLIP NAME: {one_line(clip.name)}"
        yield f"* SOURCE FILE: {clip.media.file.name}"
        if clip.gain.is_constant and clip.gain.points[0][1] != 1:
            record = handover.timecode(handover.timeline_sample(clip.start))
            reel = reels[clip.media.name]
            yield f"* AUDIO LEVEL AT {record} IS {db_of_gain(clip.gain.points[0][1]):+.2f} DB  (REEL {reel} A1)"


def _event_line(handover: Handover, clip: HandoverClip, number: int, reel: str) -> str:
    channels = "A" if clip.media.channels == 1 else "AA"
    rate = handover.session.rate
    # From the record side, so that both sides are of the same length.
    start, end = (round(at * rate.fps / SAMPLE_RATE) for at in (clip.start, clip.stop))
    length = rate.samples(end - start, SAMPLE_RATE)
    source = clip.media.time_reference + clip.source_in
    record = handover.timeline_sample(rate.samples(start, SAMPLE_RATE))
    times = (source, source + length, record, record + length)
    return f"{number:03}  {reel:<8} {channels:<5} C        " + " ".join(handover.timecode(time) for time in times)
