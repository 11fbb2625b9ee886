"""Lays takes in the open timeline: imports them into a bin, places each on a track of ours, and reads back what landed.

Resolve reports no error for most of what can go wrong: an overlap drops the later clip, a fraction of a frame the whole call. So every
frame is whole, a free track is found before, and the track is read after.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ..errors import InvalidInput, OutputError
from ..models import load_catalogue
from ..models.model import TASK_TITLES
from ..timing import Rate, TimeError, format_timecode
from .calls import call_if_present
from .clips import frame_position
from .frame_fitting import FramedSound, count_own_frames, fit_to_frames

if TYPE_CHECKING:
    from fusionscript import Folder, MarkerColor, MediaPoolClipInfo, MediaPoolItem, Timeline, TimelineItem
    from fusionscript.fusionscript import SubTrackType

    from ..cue import Take
    from .calls import OpenTimeline
    from .timeline_clock import TimelineClock

TRACK_PREFIX = "Tracklay"
"""The first word of the names of our tracks, and the name of our bin."""

TRACK_KINDS: dict[int, SubTrackType] = {1: "mono", 2: "stereo", 6: "5.1film"}
"""The kind of track for a number of channels. Without a kind Resolve adds a mono track."""

MARKER_COLOR: MarkerColor = "Cyan"

MARKER_KEY = "tracklay"
"""The key of a take's manifest entry in the custom data of its clip's marker."""

AUDIO_ONLY: Final = 2
"""`mediaType` of a clip that is appended with its sound alone."""


def lay_take(opened: OpenTimeline, clock: TimelineClock, take: Take, *, bin_name: str) -> list[str]:
    """Lay a take at its cue's span, on a track named by its model's task, and return notes about it.

    An earlier take of the same cue and model stays where it is, disabled.

    Raises:
        InvalidInput: our track is locked.
        OutputError: Resolve did not import or place the file, or placed it elsewhere.
        MediaError: the file cannot be read.
    """
    at = take.cue.sound_span.start_seconds
    sound = fit_to_frames(take.file, at, clock.rate)
    model = load_catalogue().get(take.cue.model)
    track_name = f"{TRACK_PREFIX} {TASK_TITLES[model.task] if model else 'Sound'}"
    media = import_file(opened, sound.file, bin_name)
    padded = fit_to_frames(take.file, at, clock.rate, _own_rate(media, clock))
    if padded != sound:
        sound, media = padded, import_file(opened, padded.file, bin_name)
    entry = take.to_manifest_entry()
    facts = {"Tracklay model": take.cue.model, "Tracklay prompt": take.cue.prompt}
    call_if_present(media, "SetThirdPartyMetadata", facts)
    index = find_free_track(opened.timeline, track_name, sound, take.channels)
    item = append_sound(opened, clock, media, sound, index)
    notes = [] if _mark(item, take, entry) else [f"{take.file.name}: Resolve added no marker with its provenance."]
    disable_earlier_takes(opened.timeline, take, item)
    return notes


def import_file(opened: OpenTimeline, file: Path, bin_name: str) -> MediaPoolItem:
    """Return the media pool's item of a file, in our bin of that name. A file that is there already is not imported again.

    Raises:
        OutputError: Resolve does not import it.
    """
    pool = opened.pool
    folder = _find_folder(opened, _find_folder(opened, pool.GetRootFolder(), TRACK_PREFIX), bin_name)
    for known in folder.GetClipList() or []:
        if known and str(known.GetClipProperty("File Path")) == str(file.absolute()):
            return known
    with _current_folder(opened, folder):  # media is imported into the bin that is current
        imported = pool.ImportMedia([str(file.absolute())])
    found = [item for item in imported or [] if item]
    if not found:
        raise OutputError("resolve.not_imported", "Resolve did not import {file}.", file=file)
    return found[0]


def _find_folder(opened: OpenTimeline, parent: Folder, name: str) -> Folder:
    for folder in parent.GetSubFolderList() or []:
        if folder.GetName() == name:
            return folder
    made = opened.pool.AddSubFolder(parent, name)
    if not made:
        raise OutputError(
            "resolve.no_bin", "Resolve did not add the bin {name}. Is the project open for reading only?", name=name
        )
    return made


@contextlib.contextmanager
def _current_folder(opened: OpenTimeline, folder: Folder) -> Iterator[None]:
    """Make a bin current, and the user's again afterwards."""
    before = opened.pool.GetCurrentFolder()
    opened.pool.SetCurrentFolder(folder)
    try:
        yield
    finally:
        if before:
            opened.pool.SetCurrentFolder(before)


def find_free_track(timeline: Timeline, name: str, sound: FramedSound, channels: int) -> int:
    """Return the index of an audio track of this name, or `NAME 2` and so on, on which nothing is where a sound goes. Add it if needed.

    Raises:
        InvalidInput: a track with this name is locked.
        OutputError: Resolve adds no track.
    """
    number, names = (
        1,
        {str(timeline.GetTrackName("audio", each)): each for each in range(1, timeline.GetTrackCount("audio") + 1)},
    )
    while (index := names.get(wanted := name if number == 1 else f"{name} {number}")) is not None:
        if timeline.GetIsTrackLocked("audio", index):
            raise InvalidInput(
                "resolve.track_locked", "The track {track} is locked. Unlock it, or rename it.", track=wanted
            )
        if not _is_occupied(timeline, index, sound):
            return index
        number += 1
    if not timeline.AddTrack("audio", TRACK_KINDS.get(channels, "stereo")):
        raise OutputError(
            "resolve.no_track", "Resolve added no audio track to {timeline}.", timeline=timeline.GetName()
        )
    index = timeline.GetTrackCount("audio")
    timeline.SetTrackName("audio", index, wanted)
    return index


def _is_occupied(timeline: Timeline, index: int, sound: FramedSound) -> bool:
    for item in timeline.GetItemListInTrack("audio", index) or []:
        start, end = frame_position(item.GetStart(True)), frame_position(item.GetEnd(True))  # noqa: FBT003
        if start < sound.start + sound.frames and end > sound.start:
            return True
    return False


def append_sound(
    opened: OpenTimeline, clock: TimelineClock, media: MediaPoolItem, sound: FramedSound, index: int
) -> TimelineItem:
    """Place an imported sound on a track, and return its item as it is read back.

    Raises:
        OutputError: Resolve did not place it, or placed it elsewhere.
    """
    clip: MediaPoolClipInfo = {
        "mediaPoolItem": media,
        "startFrame": 0,
        "endFrame": count_own_frames(sound.frames, clock.rate, _own_rate(media, clock)),  # exclusive
        "mediaType": AUDIO_ONLY,
        "trackIndex": index,
        "recordFrame": sound.start,  # from timecode zero
    }
    opened.pool.AppendToTimeline([clip])  # type: ignore[arg-type]  # a form that the stubs declare with an invalid result
    track = opened.timeline.GetTrackName("audio", index)
    for item in opened.timeline.GetItemListInTrack("audio", index) or []:
        found = item.GetMediaPoolItem() if item else None
        if not found or found.GetUniqueId() != media.GetUniqueId():
            continue
        start, frames = frame_position(item.GetStart(True)), frame_position(item.GetDuration(True))  # noqa: FBT003
        if start == sound.start and frames == sound.frames:
            return item
        if start < sound.start + sound.frames and start + frames > sound.start:
            raise OutputError(
                "resolve.laid_elsewhere",
                "Resolve laid {file} on track {track} at {found} for {frames} frames, and not at {wanted} for {expected}. Move or trim it.",
                file=sound.file.name,
                track=track,
                found=_timecode(start, clock),
                frames=float(frames),
                wanted=_timecode(Fraction(sound.start), clock),
                expected=sound.frames,
            )
    raise OutputError(
        "resolve.not_laid",
        "Resolve did not lay {file} on track {track} at {wanted}. It is in the bin Tracklay: drag it there.",
        file=sound.file.name,
        track=track,
        wanted=_timecode(Fraction(sound.start), clock),
    )


def _own_rate(media: MediaPoolItem, clock: TimelineClock) -> Rate:
    """Return the rate at which a media pool item counts a sound.

    A WAV gets the project's frame rate when it is imported, and keeps it. A timeline may have another.
    """
    try:
        return Rate.from_value(str(media.GetClipProperty("FPS")))
    except TimeError:
        return clock.rate


def _timecode(frame: Fraction, clock: TimelineClock) -> str:
    return format_timecode(round(frame), clock.rate, drop_frame=bool(clock.drop_frame))


def _mark(item: TimelineItem, take: Take, entry: dict[str, Any]) -> bool:
    """Add a marker on a clip whose custom data hold the take's provenance, and return whether Resolve did."""
    note = f"{take.cue.model}: {take.cue.prompt}".rstrip(": ")
    data = json.dumps({MARKER_KEY: entry}, ensure_ascii=False)
    return bool(item.AddMarker(0, MARKER_COLOR, f"Tracklay take {take.number}", note, 1, data))


def read_laid_entry(item: TimelineItem) -> dict[str, Any] | None:
    """Return the manifest entry of the take that an item is; None if we did not lay it."""
    for marker in (item.GetMarkers() or {}).values():
        try:
            data = json.loads(str(marker.get("customData") or ""))
        except ValueError:
            continue
        entry = data.get(MARKER_KEY) if isinstance(data, dict) else None
        if isinstance(entry, dict):
            return entry
    return None


def disable_earlier_takes(timeline: Timeline, take: Take, laid: TimelineItem) -> None:
    """Disable the laid takes of a cue and model, except for one: of these, only one is heard."""
    for index in range(1, timeline.GetTrackCount("audio") + 1):
        if not str(timeline.GetTrackName("audio", index)).startswith(TRACK_PREFIX):
            continue
        for item in timeline.GetItemListInTrack("audio", index) or []:
            if item.GetUniqueId() == laid.GetUniqueId() or (entry := read_laid_entry(item)) is None:
                continue
            if (entry.get("cue"), entry.get("model")) == (take.cue.id, take.cue.model):
                item.SetClipEnabled(False)  # noqa: FBT003
