"""What is drawn on the strips themselves: how far a take is, and what is wrong with it. Drawing reads memory only.

A placeholder has a bar along its lower edge and words above it; a failed one a red edge, a stale take an orange one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import blf
import bpy
import gpu
from gpu_extras.batch import batch_for_shader

from ..runtime.cue_status import running_cues, take_fraction
from ..sequencer import compat, cue_index
from ..settings.i18n.translate import translate_ui

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..runtime.cue_status import CueStatus
    from ..sequencer.cue_index import StripRef

BAR_HEIGHT, EDGE_HEIGHT = 4, 2
"""Pixels at 100 % resolution scale: how high a bar is, and how thick an edge."""

TEXT_SIZE = 11
"""Pixels of a letter at 100 %, as Blender writes on strips."""

MIN_TEXT_WIDTH = 40
"""Pixels at 100 %: a strip that is narrower gets its bar and no words."""

STRIP_BOTTOM, STRIP_TOP = 0.05, 0.9
"""Of a channel's height, what a strip fills, about: where it begins and ends."""

TEXT_BACKGROUND_COLOUR = (0.0, 0.0, 0.0, 0.75)
"""Behind words on a strip that is too low for its name above them."""

PENDING_COLOUR, DONE_COLOUR = (0.0, 0.0, 0.0, 0.5), (0.35, 0.75, 0.45, 1.0)
FAILED_COLOUR, STALE_COLOUR = (0.85, 0.2, 0.2, 1.0), (0.95, 0.6, 0.15, 1.0)
CROP_MASK_COLOUR = (0.0, 0.0, 0.0, 0.6)
TEXT_COLOUR = (1.0, 1.0, 1.0, 1.0)

Colour = tuple[float, float, float, float]


class RegionBox(NamedTuple):
    """A part of the region, in pixels."""

    left: float
    bottom: float
    right: float
    top: float


class StripOverlay(NamedTuple):
    """What of one strip is to be drawn."""

    box: RegionBox
    colour: Colour
    fraction: float | None
    text: str


def strip_overlays(scene: Any, region: Any) -> Iterator[StripOverlay]:
    """What there is to be drawn in a region that shows a scene's timeline."""
    under_way = running_cues()
    view, strips = region.view2d, scene.sequence_editor.strips_all
    for cue, places in cue_index.shared_cue_index.snapshot().items():
        line = under_way.get(cue)
        for place in places:
            if place.scene != scene.name or (place.is_filled and not place.is_stale):
                continue
            strip = strips.get(place.strip)
            if strip is None or (box := _strip_box(view, strip, region)) is None:
                continue
            yield _overlay_for(box, place, line)


def _strip_box(view: Any, strip: Any, region: Any) -> RegionBox | None:
    channel = strip.channel
    left, bottom = view.view_to_region(compat.strip_start(strip), channel + STRIP_BOTTOM, clip=False)
    right, top = view.view_to_region(compat.strip_end(strip), channel + STRIP_TOP, clip=False)
    seen = right > 0 and left < region.width and top > 0 and bottom < region.height and right - left > 1
    return RegionBox(max(left, 0), bottom, min(right, region.width), top) if seen else None


def _overlay_for(box: RegionBox, ref: StripRef, status: CueStatus | None) -> StripOverlay:
    number = ref.tag.take
    if ref.is_filled:
        return StripOverlay(box, STALE_COLOUR, None, translate_ui("Stale: the picture was changed"))
    if status is not None and number in status.errors:
        own = f"{status.cue.picture.source.name}: "  # the picture lies below, and there is little room
        return StripOverlay(box, FAILED_COLOUR, None, status.take_error(number).removeprefix(own))
    if status is not None and number in status.steps:
        return StripOverlay(box, DONE_COLOUR, take_fraction(status.steps[number]), status.take_message(number))
    return StripOverlay(box, FAILED_COLOUR if ref.error else PENDING_COLOUR, None, ref.error or translate_ui("Waiting"))


def crop_mask_boxes(view: Any, size: tuple[int, int], position: float) -> list[RegionBox]:
    """What of a preview the model does not see, in pixels of its region: before its square and after it.

    Args:
        view: the region's `view2d`; it has the picture's middle at 0, 0, and a unit for each of its pixels.
        size: the picture's width and height in pixels.
        position: how far along its longer side the square lies, from 0 (left or top) to 1.
    """
    width, height = size
    room = abs(width - height)
    left, bottom = view.view_to_region(-width / 2, -height / 2, clip=False)
    right, top = view.view_to_region(width / 2, height / 2, clip=False)
    if width > height:
        begin, _ = view.view_to_region(-width / 2 + room * position, 0, clip=False)
        end, _ = view.view_to_region(width / 2 - room * (1 - position), 0, clip=False)
        return [RegionBox(left, bottom, begin, top), RegionBox(end, bottom, right, top)]
    _, begin = view.view_to_region(0, height / 2 - room * position, clip=False)
    _, end = view.view_to_region(0, -height / 2 + room * (1 - position), clip=False)
    return [RegionBox(left, begin, right, top), RegionBox(left, bottom, right, end)]


def draw_crop_mask() -> None:
    """Blender calls it for each preview that is drawn: what the model is not shown is dimmed."""
    context = bpy.context
    scene = compat.active_sequencer_scene(context)
    if scene is None or scene.sequence_editor is None or not context.space_data.show_overlays:
        return
    settings, render = scene.tracklay, scene.render
    at = {"LEFT": 0.0, "CENTRE": 0.5, "RIGHT": 1.0, "HAND": settings.square_at}.get(settings.square)
    if at is None:
        return
    width = round(render.resolution_x * render.pixel_aspect_x / render.pixel_aspect_y)
    gpu.state.blend_set("ALPHA")
    _fill_boxes(crop_mask_boxes(context.region.view2d, (width, render.resolution_y), at), CROP_MASK_COLOUR)
    gpu.state.blend_set("NONE")


def draw_strip_overlays() -> None:
    """Blender calls it for each sequencer that is drawn."""
    context = bpy.context
    space, region = context.space_data, context.region
    scene = compat.active_sequencer_scene(context)
    if space.view_type == "PREVIEW" or scene is None or scene.sequence_editor is None or not space.show_overlays:
        return
    found = list(strip_overlays(scene, region))
    if not found:
        return
    scale = context.preferences.system.ui_scale
    rectangles: dict[Colour, list[RegionBox]] = {}
    for sight in found:
        for colour, box in _overlay_boxes(sight, scale):
            rectangles.setdefault(colour, []).append(box)
    gpu.state.blend_set("ALPHA")
    for colour, boxes in rectangles.items():
        _fill_boxes(boxes, colour)
    gpu.state.blend_set("NONE")
    for sight in found:
        _draw_text(sight, scale)


def _overlay_boxes(overlay: StripOverlay, scale: float) -> Iterator[tuple[Colour, RegionBox]]:
    box, high = overlay.box, (BAR_HEIGHT if overlay.fraction is not None else EDGE_HEIGHT) * scale
    lower = min(box.top, box.bottom + high)
    if overlay.fraction is None:
        yield overlay.colour, RegionBox(box.left, box.bottom, box.right, lower)
        return
    if (TEXT_SIZE + BAR_HEIGHT) * scale < box.top - box.bottom < 2 * (TEXT_SIZE + BAR_HEIGHT) * scale + high:
        yield TEXT_BACKGROUND_COLOUR, RegionBox(box.left, lower, box.right, box.top)
    reached = box.left + (box.right - box.left) * overlay.fraction
    yield PENDING_COLOUR, RegionBox(reached, box.bottom, box.right, lower)
    yield overlay.colour, RegionBox(box.left, box.bottom, reached, lower)


def _fill_boxes(boxes: list[RegionBox], colour: Colour) -> None:
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


def _draw_text(overlay: StripOverlay, scale: float) -> None:
    box = overlay.box
    room = box.right - box.left - 8 * scale
    if room < MIN_TEXT_WIDTH * scale or box.top - box.bottom < (TEXT_SIZE + BAR_HEIGHT) * scale:
        return
    blf.size(0, TEXT_SIZE * scale)
    words = overlay.text
    if blf.dimensions(0, words)[0] > room:
        letters = int(len(words) * room / max(blf.dimensions(0, words)[0], 1)) - 1
        words = words[:letters].rstrip() + "…" if letters > 2 else ""
    blf.color(0, *TEXT_COLOUR)
    blf.enable(0, blf.SHADOW)
    blf.shadow(0, 3, 0.0, 0.0, 0.0, 0.9)
    blf.position(0, box.left + 4 * scale, box.bottom + (BAR_HEIGHT + 3) * scale, 0)
    blf.draw(0, words)
    blf.disable(0, blf.SHADOW)


_draw_handlers: list[tuple[Any, str]] = []


def register() -> None:
    """Draw from now on; where there is no window there is nothing to draw on."""
    if not bpy.app.background:
        for drawing, region in ((draw_strip_overlays, "WINDOW"), (draw_crop_mask, "PREVIEW")):
            handle = bpy.types.SpaceSequenceEditor.draw_handler_add(drawing, (), region, "POST_PIXEL")
            _draw_handlers.append((handle, region))


def unregister() -> None:
    """Draw no more."""
    while _draw_handlers:
        bpy.types.SpaceSequenceEditor.draw_handler_remove(*_draw_handlers.pop())
