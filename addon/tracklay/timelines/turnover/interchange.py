"""The takes of a laid timeline as Final Cut Pro 7 XML and EDLs beside it, for editors that read no OpenTimelineIO.

They name the takes' files where they are. Each file ends with a signature: what anything but Tracklay changed is the user's, and stays.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from ...atomic_io import atomic_write, temp_dir
from ...manifest import read_manifest
from ...media.wav_reader import WavReader
from ...paths import ensure_folder
from ...turnover.formats import load_writer
from ...turnover.handover import Handover, HandoverClip, HandoverTake, HandoverTrack, TurnoverMedia
from ...turnover.session import TurnoverSession
from ..mixing.otio_scene import read_otio_scene
from ..otio.formats import read_timeline
from ..otio.text_patch import find_signed_tracks
from ..otio.timeline import OtioFile
from .clips import ClipBuilder, MixGains

if TYPE_CHECKING:
    from ...turnover.session import SessionClip
    from ..base import Timeline

SIGNATURE = "Written by Tracklay, SHA-256 "

CHANGED_NOTE = "{name} was changed since Tracklay wrote it, and is kept. Move it away, and lay again."


def write_interchange(timeline: Timeline, folder: Path) -> list[str]:
    """Write the takes of a timeline's laid copy, which is there with its manifest, as XML and EDLs; return notes.

    Raises:
        InvalidInput: the copy or the manifest cannot be read.
        MediaError: a take cannot be read.
        OutputError: the folder cannot be written.
    """
    assert isinstance(timeline, OtioFile)  # noqa: S101 - only such copies have this style
    laid = timeline.laid_path(folder)
    handover = _read_handover(timeline, laid, folder)
    notes: list[str] = []
    if not handover.tracks:  # an own choice of takes plays, on tracks of the user's
        return notes
    with temp_dir(folder) as work:
        stem = laid.name.removesuffix(laid.suffix)
        xml, edls = work / f"{stem}.xml", work / f"{stem} edl"
        load_writer("xml")(handover, xml)
        load_writer("edl")(handover, edls)
        files = {xml: b"<!-- %s -->\n", **dict.fromkeys(sorted(edls.iterdir()), b"* %s\r\n")}
        for path, line in files.items():
            target = folder / path.relative_to(work)
            if _is_changed(target):
                notes.append(CHANGED_NOTE.format(name=target.name))
                continue
            ensure_folder(target.parent)
            with atomic_write(target) as beside:
                beside.write_bytes(_signed(path.read_bytes(), line))
    return [*notes, *handover.notes]


def _read_handover(timeline: OtioFile, laid: Path, folder: Path) -> Handover:
    """Return the tracks that Tracklay added to a copy and that play, with the files where they are."""
    source = read_timeline(laid)
    signed = set(find_signed_tracks(source.text))
    scene, _, placed = read_otio_scene(source)
    builder = ClipBuilder(read_manifest(timeline.manifest_path(folder))["takes"], folder, MixGains())
    rows: dict[int, list[SessionClip]] = {}
    for each in scene.sources:
        if (number := placed[each.id].place[0]) in signed:
            rows.setdefault(number, []).append(builder.build(each))
    clips = tuple(clip for row in rows.values() for clip in row)
    rate, is_drop = timeline.rate, timeline.drop_frame
    drop_frame = rate.has_drop_frame if is_drop is None else is_drop
    session = TurnoverSession(laid.name.partition(".")[0], rate, timeline.start_frame, clips, drop_frame)
    names = {number: source.timeline.tracks[number].name for number in rows}
    tracks = tuple(HandoverTrack(names[number], row[0].role, tuple(map(_clip, row))) for number, row in rows.items())
    return Handover(session, tracks, folder, is_absolute=True)


def _clip(clip: SessionClip) -> HandoverClip:
    played = HandoverTake(clip.name, _media(clip.file), clip.source_in)
    others = (HandoverTake(each.name, _media(each.file), each.source_in) for each in clip.takes)
    return HandoverClip((played, *others), clip.start, clip.samples, comment=clip.comment)


def _media(file: Path) -> TurnoverMedia:
    with WavReader(file) as wav:
        form = wav.format
        return TurnoverMedia(str(file.absolute()), file, form.channels, form.samples, wav.time_reference or 0)


def _signed(content: bytes, line: bytes) -> bytes:
    return content + line % (SIGNATURE + hashlib.sha256(content).hexdigest()).encode()


def _is_changed(path: Path) -> bool:
    """Return True if a file is there that Tracklay did not write, or that was changed since."""
    if not path.exists():
        return path.is_symlink()
    try:
        content = path.read_bytes()
    except OSError:
        return True
    end = content.rstrip().rfind(b"\n") + 1
    return f"{SIGNATURE}{hashlib.sha256(content[:end]).hexdigest()}".encode() not in content[end:]
