"""What is drawn on the strips themselves: how far a take is, and what is wrong with it. Drawing reads memory only.

A placeholder has a bar along its lower edge and words above it; a failed one a red edge, a stale take an orange one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import blf
import bpy
import gpu
from gpu_extras.batch import batch_for_shader

from ..runtime.cue_status import part
from ..runtime.dispatcher import lines
from ..sequencer import compat, cue_index
from ..settings.i18n.translate import said

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..runtime.cue_status import Line
    from ..sequencer.cue_index import Place

BAR, EDGE = 4, 2
"""Pixels at 100 % resolution scale: how high a bar is, and how thick an edge."""

TEXT = 11
"""Pixels of a letter at 100 %, as Blender writes on strips."""

NARROWEST = 40
"""Pixels at 100 %: a strip that is narrower gets its bar and no words."""

LOWER, UPPER = 0.05, 0.9
"""Of a channel's height, what a strip fills, about: where it begins and ends."""

BEHIND = (0.0, 0.0, 0.0, 0.75)
"""Behind words on a strip that is too low for its name above them."""

DIM, DONE = (0.0, 0.0, 0.0, 0.5), (0.35, 0.75, 0.45, 1.0)
FAILED, STALE = (0.85, 0.2, 0.2, 1.0), (0.95, 0.6, 0.15, 1.0)
UNSEEN = (0.0, 0.0, 0.0, 0.6)
WHITE = (1.0, 1.0, 1.0, 1.0)

Colour = tuple[float, float, float, float]


class Box(NamedTuple):
    """A part of the region, in pixels."""

    left: float
    bottom: float
    right: float
    top: float


class Sight(NamedTuple):
    """What of one strip is to be drawn."""

    box: Box
    colour: Colour
    fraction: float | None
    words: str


def sights(scene: Any, region: Any) -> Iterator[Sight]:
    """What there is to be drawn in a region that shows a scene's timeline."""
    under_way = lines()
    view, strips = region.view2d, scene.sequence_editor.strips_all
    for cue, places in cue_index.index.known().items():
        line = under_way.get(cue)
        for place in places:
            if place.scene != scene.name or (place.filled and not place.stale):
                continue
            strip = strips.get(place.strip)
            if strip is None or (box := _box(view, strip, region)) is None:
                continue
            yield _sight(box, place, line)


def _box(view: Any, strip: Any, region: Any) -> Box | None:
    channel = strip.channel
    left, bottom = view.view_to_region(compat.start(strip), channel + LOWER, clip=False)
    right, top = view.view_to_region(compat.end(strip), channel + UPPER, clip=False)
    seen = right > 0 and left < region.width and top > 0 and bottom < region.height and right - left > 1
    return Box(max(left, 0), bottom, min(right, region.width), top) if seen else None


def _sight(box: Box, place: Place, line: Line | None) -> Sight:
    number = place.mark.take
    if place.filled:
        return Sight(box, STALE, None, said("Stale: the picture was changed"))
    if line is not None and number in line.errors:
        own = f"{line.cue.picture.source.name}: "  # the picture lies below, and there is little room
        return Sight(box, FAILED, None, line.errors[number].removeprefix(own))
    if line is not None and number in line.steps:
        return Sight(box, DONE, part(line.steps[number]), line.take_words(number))
    return Sight(box, FAILED if place.trouble else DIM, None, place.trouble or said("Waiting"))


def outside(view: Any, size: tuple[int, int], at: float) -> list[Box]:
    """What of a preview the model does not see, in pixels of its region: before its square and after it.

    Args:
        view: the region's `view2d`; it has the picture's middle at 0, 0, and a unit for each of its pixels.
        size: the picture's width and height in pixels.
        at: how far along its longer side the square lies, from 0 (left or top) to 1.
    """
    width, height = size
    room = abs(width - height)
    left, bottom = view.view_to_region(-width / 2, -height / 2, clip=False)
    right, top = view.view_to_region(width / 2, height / 2, clip=False)
    if width > height:
        begin, _ = view.view_to_region(-width / 2 + room * at, 0, clip=False)
        end, _ = view.view_to_region(width / 2 - room * (1 - at), 0, clip=False)
        return [Box(left, bottom, begin, top), Box(end, bottom, right, top)]
    _, begin = view.view_to_region(0, height / 2 - room * at, clip=False)
    _, end = view.view_to_region(0, -height / 2 + room * (1 - at), clip=False)
    return [Box(left, begin, right, top), Box(left, bottom, right, end)]


def draw_square() -> None:
    """Blender calls it for each preview that is drawn: what the model is not shown is dimmed."""
    context = bpy.context
    scene = compat.timeline(context)
    if scene is None or scene.sequence_editor is None or not context.space_data.show_overlays:
        return
    settings, render = scene.tracklay, scene.render
    at = {"LEFT": 0.0, "CENTRE": 0.5, "RIGHT": 1.0, "HAND": settings.square_at}.get(settings.square)
    if at is None:
        return
    width = round(render.resolution_x * render.pixel_aspect_x / render.pixel_aspect_y)
    gpu.state.blend_set("ALPHA")
    _fill(outside(context.region.view2d, (width, render.resolution_y), at), UNSEEN)
    gpu.state.blend_set("NONE")


def draw() -> None:
    """Blender calls it for each sequencer that is drawn."""
    context = bpy.context
    space, region = context.space_data, context.region
    scene = compat.timeline(context)
    if space.view_type == "PREVIEW" or scene is None or scene.sequence_editor is None or not space.show_overlays:
        return
    found = list(sights(scene, region))
    if not found:
        return
    scale = context.preferences.system.ui_scale
    rectangles: dict[Colour, list[Box]] = {}
    for sight in found:
        for colour, box in _rectangles(sight, scale):
            rectangles.setdefault(colour, []).append(box)
    gpu.state.blend_set("ALPHA")
    for colour, boxes in rectangles.items():
        _fill(boxes, colour)
    gpu.state.blend_set("NONE")
    for sight in found:
        _write(sight, scale)


def _rectangles(sight: Sight, scale: float) -> Iterator[tuple[Colour, Box]]:
    box, high = sight.box, (BAR if sight.fraction is not None else EDGE) * scale
    lower = min(box.top, box.bottom + high)
    if sight.fraction is None:
        yield sight.colour, Box(box.left, box.bottom, box.right, lower)
        return
    if (TEXT + BAR) * scale < box.top - box.bottom < 2 * (TEXT + BAR) * scale + high:
        yield BEHIND, Box(box.left, lower, box.right, box.top)
    reached = box.left + (box.right - box.left) * sight.fraction
    yield DIM, Box(reached, box.bottom, box.right, lower)
    yield sight.colour, Box(box.left, box.bottom, reached, lower)


def _fill(boxes: list[Box], colour: Colour) -> None:
    """Many rectangles of one colour in one go."""
    corners = [
        corner
        for left, bottom, right, top in boxes
        for corner in ((left, bottom), (right, bottom), (right, top), (left, top))
    ]
    triangles = [(each, each + one, each + one + 1) for each in range(0, len(corners), 4) for one in (1, 2)]
    shader = gpu.shader.from_builtin("UNIFORM_COLOR")
    shader.uniform_float("color", colour)
    batch_for_shader(shader, "TRIS", {"pos": corners}, indices=triangles).draw(shader)


def _write(sight: Sight, scale: float) -> None:
    box = sight.box
    room = box.right - box.left - 8 * scale
    if room < NARROWEST * scale or box.top - box.bottom < (TEXT + BAR) * scale:
        return
    blf.size(0, TEXT * scale)
    words = sight.words
    if blf.dimensions(0, words)[0] > room:
        letters = int(len(words) * room / max(blf.dimensions(0, words)[0], 1)) - 1
        words = words[:letters].rstrip() + "…" if letters > 2 else ""
    blf.color(0, *WHITE)
    blf.enable(0, blf.SHADOW)
    blf.shadow(0, 3, 0.0, 0.0, 0.0, 0.9)
    blf.position(0, box.left + 4 * scale, box.bottom + (BAR + 3) * scale, 0)
    blf.draw(0, words)
    blf.disable(0, blf.SHADOW)


_handles: list[tuple[Any, str]] = []


def register() -> None:
    """Draw from now on; where there is no window there is nothing to draw on."""
    if not bpy.app.background:
        for drawing, region in ((draw, "WINDOW"), (draw_square, "PREVIEW")):
            handle = bpy.types.SpaceSequenceEditor.draw_handler_add(drawing, (), region, "POST_PIXEL")
            _handles.append((handle, region))


def unregister() -> None:
    """Draw no more."""
    while _handles:
        bpy.types.SpaceSequenceEditor.draw_handler_remove(*_handles.pop())
