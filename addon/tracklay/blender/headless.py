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

from ..cue import Cue, Picture, Take
from ..errors import BadInput, TracklayError
from ..jobs.job_spec import Order, plain_cue
from ..paths import whole
from ..timing import TimeMap, parse_time
from .render.timeline_copy import Copies
from .sequencer import compat, connections, placement, scene_cues, selection

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..timing import Span

OLDEST = (4, 5)
"""The first Blender whose sequences Tracklay reads."""


def rate(path: str) -> dict[str, Any]:
    """The film's rate.

    Raises:
        BadInput: the file cannot be opened.
    """
    return {"rate": str(selection.rate(opened(path)))}


def spot(path: str, only: Sequence[str], in_point: str | None, out_point: str | None) -> dict[str, Any]:
    """The film's rate, and of each strip that is meant its picture as a cue in plain data, with why it cannot be read if it can't.

    Raises:
        BadInput: the file cannot be opened, a point is no time, or nothing is meant.
    """
    scene = opened(path)
    fps = selection.rate(scene)
    points = {"--in": in_point, "--out": out_point}
    try:
        frames = {option: None if text is None else parse_time(text, fps) for option, text in points.items()}
    except ValueError as error:
        raise BadInput(str(error)) from None
    first, end = frames["--in"], frames["--out"]
    if first is not None and end is not None and end <= first:
        raise BadInput(f"nothing lies between --in {in_point} and --out {out_point}: --out must be later")
    cues, copied = [], Copies()
    for each in scene_cues.spots(scene, scene_cues.ranges(scene, only, first, end)):
        if isinstance(each, scene_cues.Unread):
            picture, trouble = Picture(Path(path), TimeMap.straight(each.span, Fraction(0))), str(each.error)
        else:
            picture, trouble = copied.of(each.picture), ""
        cues.append({"cue": plain_cue(Cue(each.strip, each.span, picture, model="")), "trouble": trouble})
    return {"rate": str(fps), "cues": cues}


def lay(path: str, to: str, takes: Sequence[Mapping[str, Any]], *, drop_original: bool) -> dict[str, Any]:
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
    scene = opened(path)
    failed: dict[str, str] = {}
    count: Counter[str] = Counter()
    for plain in takes:
        cue = Order.cue_of(plain)
        take = Take.of_entry(plain["entry"], cue, Path(plain["folder"]))
        try:
            spot = _same(scene, cue)
            with connections.registered():
                placement.lay(spot, take, count[cue.id])
        except TracklayError as error:
            failed[cue.id] = str(error)
            continue
        if drop_original and not count[cue.id]:
            level, picture = selection.find(scene, spot)
            for own in placement.Sounds(level).own(picture):
                own.mute = True
        count[cue.id] += 1
    if count:
        with whole(Path(to)) as beside:
            bpy.ops.wm.save_as_mainfile(filepath=str(beside), copy=True, check_existing=False, relative_remap=True)
    return {"rate": str(selection.rate(scene)), "laid": sorted(count), "failed": failed}


def _same(scene: Any, cue: Cue) -> selection.Spot:
    """The spot of a cue, as long as the film still plays on its frames what it played when the cue was made.

    Raises:
        TracklayError: it does not.
    """
    meant = [
        each for each in scene_cues.ranges(scene, [cue.id], cue.span.start, cue.span.end) if each[2] == cue.span.frames
    ]
    for spot in scene_cues.spots(scene, meant):
        if not isinstance(spot, scene_cues.Unread) and _plays(spot.span, spot.picture) == _plays(cue.span, cue.picture):
            return spot
    raise TracklayError(
        f"{cue.id} was changed in the film while its sound was made, so nothing was laid: run the same command again"
    )


def _plays(span: Span, picture: Picture) -> dict[str, Any]:
    """What plays in a span; of a picture that is rendered, no more than what of the film it is."""
    if picture.render is not None:
        picture = replace(picture, render=replace(picture.render, program=(), copy=None))
    return plain_cue(Cue("", span, picture, ""))


def opened(path: str) -> Any:
    """Open a film; the scene that Blender shows of it.

    Raises:
        BadInput: this Blender is too old, or cannot open it.
    """
    if bpy.app.version < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise BadInput(f"Blender {bpy.app.version_string} is too old to read {path}: Tracklay needs {oldest} or later")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            bpy.ops.wm.open_mainfile(filepath=path, load_ui=True, use_scripts=False)
    except RuntimeError as error:
        said = str(error).strip().partition("\n")[0].removeprefix("Error: ")
        raise BadInput(f"Blender {bpy.app.version_string} cannot open {path}: {said}") from error
    scene = compat.timeline(bpy.context)
    if scene.sequence_editor is None or not len(scene.sequence_editor.strips):
        raise BadInput(f"the timeline of {scene.name} in {path} is empty: add a movie strip to it")
    return scene
