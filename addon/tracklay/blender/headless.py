"""Functions that the command runs in a background Blender: list the cues of a saved .blend file, and lay takes in a copy of it.

Each is called in a process of its own (`worker`), in which the extension is not registered. Arguments and results are plain data; the
parameter names are the keys of the call.
"""

from __future__ import annotations

import warnings
from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from ..atomic_io import atomic_write
from ..cue import Cue, Picture, Take
from ..errors import InvalidInput, TracklayError
from ..jobs.job_spec import JobSpec
from ..jobs.pictures.stored_cue import cue_to_dict
from ..media.fingerprint import span_fingerprint
from ..timing import TimeError, TimeMap, parse_time
from .render.turnover_scene import read_turnover_scene
from .sequencer import compat, connections, placement, scene_cues, selection
from .sequencer.joined import spotting
from .sequencer.playback_faults import find_playback_faults
from .sequencer.prompts import find_hits
from .sequencer.timeline_copy import TimelineCopies
from .settings import mix_properties

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..timing import Rate, Span

MINIMUM_BLENDER_VERSION = (4, 5)
"""The oldest Blender whose sequences Tracklay can read."""


def read_rate(path: str) -> dict[str, Any]:
    """Return the frame rate of a .blend file.

    Raises:
        InvalidInput: the file cannot be opened.
    """
    return {"rate": str(selection.scene_rate(open_film(path)))}


def find_faults(path: str) -> dict[str, Any]:
    """Return the strips of a film that Blender plays at another time or volume than its timeline says, each with a sentence.

    Raises:
        InvalidInput: the file cannot be opened.
    """
    return {"faults": [list(fault) for fault in find_playback_faults(open_film(path))]}


def read_turnover(path: str) -> dict[str, Any]:
    """Return the session of a film's sounds, as `TurnoverSession.to_dict`.

    Raises:
        InvalidInput: the file cannot be opened.
    """
    return read_turnover_scene(open_film(path), Path(path).stem).to_dict()


def spot_film(
    path: str, only: Sequence[str], in_point: str | None, out_point: str | None, *, as_one: bool = False
) -> dict[str, Any]:
    """Return the frame rate and, for each strip, its cue as plain data and the error if its picture cannot be read.

    With `as_one` it is one cue over all of them.

    Args:
        path: the .blend file.
        only: names of strips or markers; by default all visible strips.
        in_point: a time; strips are cut at it.
        out_point: a time; strips are cut at it.
        as_one: return one cue, from the in to the out point, or from the first to the last of the strips.

    Raises:
        InvalidInput: the file cannot be opened, a point is not a valid time, or no strip matches.
    """
    scene = open_film(path)
    fps = selection.scene_rate(scene)
    first, end = (
        None if text is None else _parse_point(name, text, fps) for name, text in (("in", in_point), ("out", out_point))
    )
    if first is not None and end is not None and end <= first:
        raise InvalidInput(
            "timeline.empty_range",
            "Nothing between the in point {in_point} and the out point {out_point}. The out point must be later.",
            in_point=in_point,
            out_point=out_point,
        )
    cues, copies = [], TimelineCopies()
    ranges = scene_cues.find_cue_ranges(scene, only, first, end)
    if as_one:
        begin = ranges[0][1] if first is None or only else first
        stop = max(start + frames for _, start, frames in ranges) if end is None or only else end
        spots: Sequence[selection.CueSource | scene_cues.UnreadableStrip] = [
            spotting.spot_range(scene, next(selection.iter_levels(scene)), begin, stop - begin)
        ]
    else:
        spots = scene_cues.try_spot_ranges(scene, ranges)
    for each in spots:
        if isinstance(each, scene_cues.UnreadableStrip):
            name, error = each.strip, str(each.error)
            picture = Picture(Path(path), TimeMap.linear(each.span, Fraction(0)))
        else:
            name, picture, error = each.strip_name, copies.with_copy(each.picture), ""
        hits = find_hits(scene, each.span)
        cues.append({"cue": cue_to_dict(Cue(name, each.span, picture, model="", hits=hits)), "error": error})
    return {"rate": str(fps), "cues": cues}


def lay_takes(path: str, to: str, takes: Sequence[Mapping[str, Any]], *, drop_original: bool) -> dict[str, Any]:
    """Lay takes in a .blend file, each cue's first one audible, and save it as `to`.

    Returns the frame rate, the ids of cues that were laid, and an error message for each that was not.

    Args:
        path: the file, which is only read.
        to: path of the copy.
        takes: for each take the cue and the manifest entry as plain data, and the take's folder.
        drop_original: mute the pictures' own sound.

    Raises:
        InvalidInput: the file cannot be opened.
        OutputError: the copy cannot be written.
    """
    scene = open_film(path)
    failed: dict[str, str] = {}
    count: Counter[str] = Counter()
    for plain in takes:
        cue = JobSpec.cue_from_dict(plain)
        take = Take.from_manifest_entry(plain["entry"], cue, Path(plain["folder"]))
        try:
            spot = _find_unchanged(scene, cue)
            with connections.temporarily_registered():
                placement.lay_take(spot, take, count[cue.id])
        except TracklayError as error:
            failed[cue.id] = str(error)
            continue
        if drop_original and not count[cue.id]:
            level, picture = selection.find_strip(scene, spot)
            for own in placement.SoundIndex(level).own_sounds(picture):
                own.mute = True
        count[cue.id] += 1
    if count:
        with atomic_write(Path(to)) as beside:
            bpy.ops.wm.save_as_mainfile(filepath=str(beside), copy=True, check_existing=False, relative_remap=True)
    return {"rate": str(selection.scene_rate(scene)), "laid": sorted(count), "failed": failed}


def mix_film(
    path: str,
    to: str,
    sound: str,
    preset: str,
    target_lufs: float | None = None,
    true_peak_db: float | None = None,
    kinds: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Mix the sounds of a .blend file by volume keys, save it as `to`, and write Blender's mixdown of its frame range.

    Args:
        path: the file, which is only read.
        to: path of the copy.
        sound: path of the mixdown, a 24-bit WAV with 48 kHz.
        preset: name of a preset, or path of a TOML file.
        target_lufs: integrated loudness; None: the preset's.
        true_peak_db: highest true peak; None: the preset's.
        kinds: kind of strips by their names; `off` leaves one as it is.

    Returns:
        `rate`, `first` (first frame) and `samples` of the mixdown; `lufs` and `true_peak` as measured in it; `dialogue_over_music` and
        `limiting_db` of the plan; `preset`; `notes`; `sounds`: for each strip `id`, `kind`, `kind_from` and `keys` (frame, volume).

    Raises:
        InvalidInput: the file cannot be opened, has no sound in its frame range, or no strip of a name.
        MediaError: no sound can be read, or Blender wrote no mixdown.
        OutputError: the copy cannot be written.
    """
    from .render.film_mix import mix_scene_of_film  # noqa: PLC0415 - loads numpy and the models of the mix

    with mix_properties.temporarily_registered():
        scene = open_film(path)
        mixed = mix_scene_of_film(scene, Path(sound), preset, target_lufs, true_peak_db, kinds or {})
        with atomic_write(Path(to)) as beside:
            bpy.ops.wm.save_as_mainfile(filepath=str(beside), copy=True, check_existing=False, relative_remap=True)
    return mixed


def _find_unchanged(scene: Any, cue: Cue) -> selection.CueSource:
    """Return the spot of a cue if the same picture still plays on its frames as when the cue was made.

    Raises:
        TracklayError: it does not.
    """
    spots: Sequence[selection.CueSource | scene_cues.UnreadableStrip]
    if cue.picture.is_joined:
        spots = [spotting.spot_range(scene, next(selection.iter_levels(scene)), cue.span.start, cue.span.frames)]
    else:
        found = scene_cues.find_cue_ranges(scene, [cue.id], cue.span.start, cue.span.end)
        spots = scene_cues.try_spot_ranges(scene, [each for each in found if each[2] == cue.span.frames])
    for spot in spots:
        if not isinstance(spot, scene_cues.UnreadableStrip) and _comparable_source(
            spot.span, spot.picture
        ) == _comparable_source(cue.span, cue.picture):
            return spot
    raise TracklayError(
        "blend.strip_changed", "{cue} changed in the file while its sound was generated. It was not laid.", cue=cue.id
    )


def _parse_point(name: str, text: str, rate: Rate) -> int:
    try:
        return parse_time(text, rate)
    except TimeError as error:
        raise InvalidInput("timeline.invalid_point", "Invalid {name} point. {error}", name=name, error=error) from None


def _comparable_source(span: Span, picture: Picture) -> list[Any]:
    """Return what plays in a span; for a rendered picture only its scene and strip, since program and copy differ each time."""
    rendered = None if picture.render is None else (picture.render.scene, picture.render.strip, picture.render.whole)
    sources = [str(each.source.absolute()) for each in (picture, *(piece.picture for piece in picture.pieces))]
    return [span.start, sources, list(picture.images), rendered, span_fingerprint(picture, span)]


def open_film(path: str) -> Any:
    """Open a .blend file and return the scene that Blender shows.

    Raises:
        InvalidInput: this Blender is too old or cannot open the file, or its timeline is empty.
    """
    if bpy.app.version < MINIMUM_BLENDER_VERSION:
        oldest = ".".join(map(str, MINIMUM_BLENDER_VERSION))
        raise InvalidInput(
            "blend.blender_too_old",
            "Blender {version} is too old to read {path}. Tracklay needs {oldest} or later.",
            version=bpy.app.version_string,
            path=path,
            oldest=oldest,
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            bpy.ops.wm.open_mainfile(filepath=path, load_ui=True, use_scripts=False)
    except RuntimeError as error:
        raise InvalidInput(
            "blend.cannot_open",
            "Blender {version} cannot open {path}: {error}",
            version=bpy.app.version_string,
            path=path,
            error=str(error).strip().partition("\n")[0].removeprefix("Error: "),
        ) from error
    scene = compat.active_sequencer_scene(bpy.context)
    if scene.sequence_editor is None or not len(scene.sequence_editor.strips):
        raise InvalidInput(
            "blend.empty_timeline", "The timeline of {scene} in {path} is empty.", scene=scene.name, path=path
        )
    return scene
