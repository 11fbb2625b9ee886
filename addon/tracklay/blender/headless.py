"""What the command asks of a Blender without a window: spot a saved film, and lay takes in a copy of it.

Each function is called in a process of its own (`worker`), which has no add-on registered, and takes and gives plain data.
"""

from __future__ import annotations

import warnings
from collections import Counter
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from ..atomic_io import atomic_write
from ..cue import Cue, Picture, Take
from ..errors import InvalidInput, TracklayError
from ..jobs.job_spec import JobSpec, cue_to_dict
from ..timing import TimeMap, parse_time
from .render.timeline_copy import TimelineCopies
from .sequencer import compat, connections, placement, scene_cues, selection

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..timing import Span

MINIMUM_BLENDER_VERSION = (4, 5)
"""The first Blender whose sequences Tracklay reads."""


def read_rate(path: str) -> dict[str, Any]:
    """The film's rate.

    Raises:
        BadInput: the file cannot be opened.
    """
    return {"rate": str(selection.scene_rate(open_film(path)))}


def spot_film(path: str, only: Sequence[str], in_point: str | None, out_point: str | None) -> dict[str, Any]:
    """The film's rate, and of each strip that is meant its picture as a cue in plain data, with why it cannot be read if it can't.

    Raises:
        BadInput: the file cannot be opened, a point is no time, or nothing is meant.
    """
    scene = open_film(path)
    fps = selection.scene_rate(scene)
    points = {"--in": in_point, "--out": out_point}
    try:
        frames = {option: None if text is None else parse_time(text, fps) for option, text in points.items()}
    except ValueError as error:
        raise InvalidInput(str(error)) from None
    first, end = frames["--in"], frames["--out"]
    if first is not None and end is not None and end <= first:
        raise InvalidInput(f"nothing lies between --in {in_point} and --out {out_point}: --out must be later")
    cues, copied = [], TimelineCopies()
    for each in scene_cues.try_spot_ranges(scene, scene_cues.find_cue_ranges(scene, only, first, end)):
        if isinstance(each, scene_cues.UnreadableStrip):
            name, trouble = each.strip, str(each.error)
            picture = Picture(Path(path), TimeMap.linear(each.span, Fraction(0)))
        else:
            name, picture, trouble = each.strip_name, copied.with_copy(each.picture), ""
        cues.append({"cue": cue_to_dict(Cue(name, each.span, picture, model="")), "trouble": trouble})
    return {"rate": str(fps), "cues": cues}


def lay_takes(path: str, to: str, takes: Sequence[Mapping[str, Any]], *, drop_original: bool) -> dict[str, Any]:
    """Lay takes in the film, each cue's first one heard, and save it as `to`. What could not be laid, in sentences by cue.

    Args:
        path: the film, which is only read.
        to: the copy.
        takes: of each take its cue and its entry in plain data, and the folder that it is in.
        drop_original: mute the pictures' own sound.

    Raises:
        BadInput: the file cannot be opened.
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


def _find_unchanged(scene: Any, cue: Cue) -> selection.CueSource:
    """The spot of a cue, as long as the film still plays on its frames what it played when the cue was made.

    Raises:
        TracklayError: it does not.
    """
    meant = [
        each
        for each in scene_cues.find_cue_ranges(scene, [cue.id], cue.span.start, cue.span.end)
        if each[2] == cue.span.frames
    ]
    for spot in scene_cues.try_spot_ranges(scene, meant):
        if not isinstance(spot, scene_cues.UnreadableStrip) and _comparable_source(
            spot.span, spot.picture
        ) == _comparable_source(cue.span, cue.picture):
            return spot
    raise TracklayError(
        f"{cue.id} was changed in the film while its sound was made, so nothing was laid: run the same command again"
    )


def _comparable_source(span: Span, picture: Picture) -> dict[str, Any]:
    """What plays in a span; of a picture that is rendered, no more than what of the film it is."""
    if picture.render is not None:
        picture = replace(picture, render=replace(picture.render, program=(), timeline_copy=None))
    return cue_to_dict(Cue("", span, picture, ""))


def open_film(path: str) -> Any:
    """Open a film; the scene that Blender shows of it.

    Raises:
        BadInput: this Blender is too old, or cannot open it.
    """
    if bpy.app.version < MINIMUM_BLENDER_VERSION:
        oldest = ".".join(map(str, MINIMUM_BLENDER_VERSION))
        raise InvalidInput(
            f"Blender {bpy.app.version_string} is too old to read {path}: Tracklay needs {oldest} or later"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            bpy.ops.wm.open_mainfile(filepath=path, load_ui=True, use_scripts=False)
    except RuntimeError as error:
        said = str(error).strip().partition("\n")[0].removeprefix("Error: ")
        raise InvalidInput(f"Blender {bpy.app.version_string} cannot open {path}: {said}") from error
    scene = compat.active_sequencer_scene(bpy.context)
    if scene.sequence_editor is None or not len(scene.sequence_editor.strips):
        raise InvalidInput(f"the timeline of {scene.name} in {path} is empty: add a movie strip to it")
    return scene
