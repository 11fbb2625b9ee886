"""Reads the session of a picture: a media file or images, a timeline that OpenTimelineIO reads, a .blend file, or the manifest of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...cue import SAMPLE_RATE
from ...errors import InvalidInput
from ...manifest import read_manifest
from ...media.wav_reader import WavReader
from ...models import load_catalogue
from ...timing import Rate
from ...turnover.session import SessionMark, TurnoverSession
from ..formats import BLEND_SUFFIX
from ..mixing.delivery import is_manifest, picture_of
from ..mixing.media_scene import read_own_sounds
from ..mixing.scene import take_sources
from ..mixing.targets import FilmTarget, OtioTarget, open_target
from .clips import MIX_SUFFIX, ClipBuilder, check_files, entry_start, move_source, read_mix_gains, whole_hour_before

if TYPE_CHECKING:
    from ...mix.sources import MixSource
    from ..mixing.targets import MixTarget
    from ..otio.timeline import OtioFile

LIMITER_NOTE = "The limiter of the mix is not in the turnover: the gains are those before it."


@dataclass(frozen=True, slots=True)
class TakesOfPicture:
    """The takes of one picture.

    Attributes:
        picture: its path; it may be missing.
        folder: the folder of the takes.
        entries: their manifest entries.
        rate: frame rate of the timeline.
        name: name of the session.
    """

    picture: Path | None
    folder: Path
    entries: Sequence[Any]
    rate: Rate
    name: str


def read_session(path: Path, work: Path) -> TurnoverSession:
    """Return the session of a picture or of the manifest of one.

    Args:
        path: a manifest, a media file, images, a timeline or a .blend file.
        work: folder for sounds that are decoded here; the caller deletes it after the turnover.

    Raises:
        InvalidInput: it is none of these, or a take is missing.
        MediaError: a sound cannot be read.
    """
    if path.suffix.lower() == BLEND_SUFFIX:
        from .blend import read_blend_session  # noqa: PLC0415 - needs Blender

        return read_blend_session(path)
    if is_manifest(path):
        return read_takes_session(_takes_of_manifest(path.absolute()), work)
    target = open_target(path, None)
    manifest = target.timeline.manifest_path(target.folder)
    entries = read_manifest(manifest)["takes"] if manifest.is_file() else []
    return _read_target(target, entries, work)


def read_takes_session(takes: TakesOfPicture, work: Path) -> TurnoverSession:
    """Return the session of takes: with the own sound of their picture if it is there. Raises as `read_session`."""
    check_files(takes.entries, takes.folder)
    picture = takes.picture
    if picture is None or picture.suffix.lower() == BLEND_SUFFIX:
        return _read_takes_alone(takes)
    return replace(_read_target(open_target(picture, takes.folder), takes.entries, work), name=takes.name)


def _takes_of_manifest(path: Path) -> TakesOfPicture:
    manifest = read_manifest(path)
    try:
        picture: Path | None = picture_of(path)
    except InvalidInput:
        picture = None
    stem = path.name.removesuffix(".json").removesuffix(".tracklay")
    return TakesOfPicture(picture, path.parent, manifest["takes"], Rate.from_value(str(manifest["rate"])), stem)


def _read_target(target: MixTarget, entries: Sequence[Any], work: Path) -> TurnoverSession:
    """Return the session of a picture that is there."""
    folder, timeline = target.folder, target.timeline
    check_files(entries, folder)
    stem = timeline.output_stem(folder)
    gains = read_mix_gains(folder / f"{stem}{MIX_SUFFIX}")
    notes: Sequence[str] = ()
    marks: tuple[SessionMark, ...] = ()
    sources: Sequence[MixSource]
    if isinstance(target, FilmTarget):
        own = read_own_sounds(target.timeline, work)
        sources = [*own, *(source for source, _ in take_sources(entries, folder, load_catalogue(), len(own) + 1))]
        start_frame, drop_frame = target.timeline.timecode_start, target.timeline.drop_frame
    else:
        assert isinstance(target, OtioTarget)  # noqa: S101 - the only other kind
        scene, notes = target.read_scene(work)
        sources = scene.sources
        otio: OtioFile = target.timeline
        start_frame, drop_frame = otio.start_frame, otio.drop_frame
        marks = tuple(
            SessionMark(name, timeline.rate.samples(frame, SAMPLE_RATE), timeline.rate.samples(frames, SAMPLE_RATE))
            for name, frame, frames in otio.marks()
        )
    builder = ClipBuilder(entries, folder, gains)
    return TurnoverSession(
        stem,
        timeline.rate,
        start_frame,
        tuple(builder.build(source) for source in sources),
        timeline.rate.has_drop_frame if drop_frame is None else drop_frame,
        (*marks, *builder.regions(sources)),
        (*notes, *([LIMITER_NOTE] if gains.is_limited else [])),
    )


def _read_takes_alone(takes: TakesOfPicture) -> TurnoverSession:
    """Return the session of takes without their picture.

    Its start is what the takes' own time references say, or the whole hour before the first take: timelines begin at one.
    """
    gains = read_mix_gains(takes.folder / f"{takes.name}{MIX_SUFFIX}")
    sources = [source for source, _ in take_sources(takes.entries, takes.folder, load_catalogue(), 1)]
    if not sources:
        return TurnoverSession(takes.name, takes.rate, 0, ())
    hour = whole_hour_before(min(source.start for source in sources))
    start = hour or _timecode_of_zero(takes)
    shift = takes.rate.samples(takes.rate.frames(hour), SAMPLE_RATE)
    placed = [move_source(source, shift) for source in sources]
    builder = ClipBuilder(takes.entries, takes.folder, gains)
    stated = [entry["drop_frame"] for entry in takes.entries if isinstance(entry, dict) and "drop_frame" in entry]
    drop_frame = takes.rate.has_drop_frame and all(stated)
    return TurnoverSession(
        takes.name,
        takes.rate,
        takes.rate.frames(start),
        tuple(builder.build(source) for source in placed),
        drop_frame,
        builder.regions(placed),
        ("The picture is not there: its own sound is not in the turnover.",) if takes.picture is None else (),
    )


def _timecode_of_zero(takes: TakesOfPicture) -> Fraction:
    """Return the seconds from timecode zero to the zero of the takes' starts, as the time reference of the first one says."""
    entry = next(each for each in takes.entries if isinstance(each, dict) and (takes.folder / each["file"]).is_file())
    with WavReader(takes.folder / entry["file"]) as wav:
        reference = wav.time_reference
    if reference is None:
        return Fraction(0)
    return takes.rate.seconds(round((reference - entry_start(entry)) * takes.rate.fps / SAMPLE_RATE))
