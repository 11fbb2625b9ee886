"""A test of the running Resolve: lays clicks under a made clip in a timeline of its own, reads everything back, and deletes it all.

It answers what documents leave open (docs/resolve.md lists it), and proves the rest where it runs.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..cue import SAMPLE_RATE
from ..demo import make_clip
from ..errors import TracklayError
from ..media.bwf import plain_bwf_writer
from ..paths import ensure_folder, tracklay_home
from ..timing import Span
from .calls import find_open_timeline, has_call, is_studio
from .frame_fitting import FramedSound
from .laying import AUDIO_ONLY, MARKER_COLOR, append_sound, find_free_track, import_file
from .timeline import ResolveTimeline
from .timeline_clock import read_clock

if TYPE_CHECKING:
    from fusionscript import MediaPoolClipInfo, Resolve, Timeline

NAME = "Tracklay selftest"

CLIP_AT, CLIP_FRAMES, CLIP_FROM = 10, 24, 5
"""Where the made clip begins on the timeline, its length, and its first source frame."""


@dataclass(frozen=True, slots=True)
class Check:
    """A finding: `ok` is None for an answer that is neither right nor wrong."""

    name: str
    ok: bool | None
    detail: str


def run_checks(resolve: Resolve) -> list[Check]:
    """Test the running Resolve and return the findings. The user's timeline is open again afterwards.

    Raises:
        TracklayError: no project is open, or Tracklay's own folder cannot be written to.
    """
    edition = "Studio" if is_studio(resolve) else "free"
    checks = [Check("version", None, f"{resolve.GetProductName()} {resolve.GetVersionString()}, {edition} edition")]
    folder = ensure_folder(tracklay_home() / "resolve")
    name = f"{NAME} {secrets.token_hex(3)}"
    picture = make_clip(folder / f"{name}.mp4")
    try:
        with _own_timeline(resolve, name) as timeline:
            steps: tuple[Callable[[], Iterator[Check]], ...] = (
                lambda: _check_picture(resolve, picture, name),
                lambda: _check_sound(resolve, timeline, folder / f"{name}.wav", name),
                lambda: _check_marks(timeline),
            )
            for step in steps:
                try:
                    checks += step()
                except (TracklayError, TypeError, AttributeError) as error:
                    checks.append(Check("stopped", ok=False, detail=str(error)))
    finally:
        for file in folder.glob(f"{name}*"):
            file.unlink(missing_ok=True)
    return checks


@contextmanager
def _own_timeline(resolve: Resolve, name: str) -> Iterator[Timeline]:
    """Make an empty timeline current; delete it and its media afterwards."""
    project = resolve.GetProjectManager().GetCurrentProject()
    pool, before = project.GetMediaPool(), project.GetCurrentTimeline()
    bin_before = pool.GetCurrentFolder()
    made = pool.CreateEmptyTimeline(name)
    if not made:
        find_open_timeline(resolve)  # its error says what is missing
    try:
        project.SetCurrentTimeline(made)
        yield made
    finally:
        if before:
            project.SetCurrentTimeline(before)
        pool.DeleteTimelines([made])
        for top in pool.GetRootFolder().GetSubFolderList() or []:
            own = [each for each in top.GetSubFolderList() or [] if each.GetName() == name]
            if own:
                pool.DeleteFolders(own)
        if bin_before:
            pool.SetCurrentFolder(bin_before)


def _check_picture(resolve: Resolve, picture: Path, name: str) -> Iterator[Check]:
    opened = find_open_timeline(resolve)
    clock = read_clock(opened.timeline)
    media = import_file(opened, picture, name)
    first, start = CLIP_FROM, clock.start + CLIP_AT
    clip: MediaPoolClipInfo = {
        "mediaPoolItem": media,
        "startFrame": first,
        "endFrame": first + CLIP_FRAMES,
        "mediaType": 1,
        "trackIndex": 1,
        "recordFrame": start,
    }
    opened.pool.AppendToTimeline([clip])  # type: ignore[arg-type]  # as in `laying`
    again = import_file(opened, picture, name)
    yield Check(
        "one item for one file", media.GetUniqueId() == again.GetUniqueId(), "a file that is in the bin is used again"
    )
    imported = opened.pool.ImportMedia([str(picture)])
    is_same = bool(imported) and imported[0].GetUniqueId() == media.GetUniqueId()
    yield Check("import of a known path", None, "returns the old item" if is_same else "makes a second item")
    (cue,) = ResolveTimeline.open(resolve, "all").cues(model="")
    yield Check("clip starts", cue.span.start == start, f"frame {cue.span.start}, expected {start}")
    items = opened.timeline.GetItemListInTrack("video", 1)
    yield Check(
        "endFrame is exclusive",
        items[0].GetDuration(True) in (CLIP_FRAMES, float(CLIP_FRAMES)),  # noqa: FBT003
        f"{items[0].GetDuration(True)} frames of {CLIP_FRAMES}",  # noqa: FBT003
    )
    found = items[0].GetSourceStartFrame()
    yield Check("source frames", abs(found - first) <= 1, f"starts at {found}, expected {first}")
    yield Check("picture is readable", not cue.picture.error, cue.picture.error or "its file shows what plays")
    for name_of_call in ("GetSelectedClips", "GetSpeed", "GetType"):
        target: Any = opened.timeline if name_of_call == "GetSelectedClips" else items[0]
        yield Check(name_of_call, None, "present" if has_call(target, name_of_call) else "missing in this version")


def _check_sound(resolve: Resolve, timeline: Timeline, file: Path, name: str) -> Iterator[Check]:
    opened = find_open_timeline(resolve)
    clock = read_clock(timeline)
    span = Span(clock.start + CLIP_AT, CLIP_FRAMES, clock.rate)
    sound = FramedSound(_write_clicks(file, span), span.start, span.frames)
    media = import_file(opened, sound.file, name)
    yield Check(
        "frame rate of a WAV", None, f"{media.GetClipProperty('FPS')}, the timeline has {float(clock.rate.fps):.6g}"
    )
    index = find_free_track(timeline, NAME, sound, 2)
    item = append_sound(opened, clock, media, sound, index)
    yield Check("sound lands on its frames", ok=True, detail=f"frame {span.start}, {span.frames} frames, track {index}")
    marked = item.AddMarker(0, MARKER_COLOR, NAME, "", 1, "custom")
    kept = any(marker.get("customData") == "custom" for marker in (item.GetMarkers() or {}).values())
    yield Check("marker with custom data", bool(marked) and kept, "read back" if kept else "not there")
    for title, frame in (("overlap", span.start + 5), ("fraction of a frame", span.end + 5.5)):
        count = len(timeline.GetItemListInTrack("audio", index) or [])
        clip: dict[str, Any] = {
            "mediaPoolItem": media,
            "startFrame": 0,
            "endFrame": span.frames,
            "mediaType": AUDIO_ONLY,
            "trackIndex": index,
            "recordFrame": frame,
        }
        opened.pool.AppendToTimeline([clip])  # type: ignore[arg-type]  # one of them is wrong on purpose
        landed = len(timeline.GetItemListInTrack("audio", index) or []) - count
        yield Check(title, None, "lands" if landed else "is dropped without an error")


def _write_clicks(file: Path, span: Span) -> Path:
    samples = np.zeros((span.samples(SAMPLE_RATE), 2), np.float32)
    samples[:: SAMPLE_RATE // 4] = 0.9
    with file.open("wb") as out:
        writer = plain_bwf_writer(out, 2, SAMPLE_RATE)
        writer.write(samples)
        writer.close()
    return file


def _check_marks(timeline: Timeline) -> Iterator[Check]:
    start = Fraction(timeline.GetStartFrame())
    timeline.SetMarkInOut(2, 8)
    marks: Any = (timeline.GetMarkInOut() or {}).get("video") or {}
    timeline.ClearMarkInOut()
    expected = {"in": 2, "out": 8}
    yield Check(
        "in and out points", {key: marks.get(key) for key in expected} == expected, f"set {expected}, read {marks}"
    )
    yield Check("start frame", start == read_clock(timeline).start, f"{timeline.GetStartTimecode()} is frame {start}")
