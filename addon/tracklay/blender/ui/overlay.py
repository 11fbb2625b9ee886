"""Overlays in the sequencer: progress and errors on strips, and the crop mask on the preview. Drawing reads memory only.

A placeholder has a progress bar along its lower edge and a message above it: a word or a mark on a narrow strip. A failed one has a red
edge, a stale take an orange one, a silent take a grey one. On a landed take, a tick stands where each moved sound is now, with a line
from where it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import blf
import bpy
import gpu
from gpu_extras.batch import batch_for_shader

from ..runtime.cue_status import running_cues, take_fraction
from ..sequencer import compat, cue_index, landing, selection
from ..settings.i18n.translate import translate_ui
from .text_fit import fit_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..runtime.cue_status import CueStatus
    from ..sequencer.cue_index import StripRef

BAR_HEIGHT, EDGE_HEIGHT = 4, 2
"""Height of a progress bar and of a coloured edge, in pixels at 100 % resolution scale."""

TEXT_SIZE = 11
"""Size of the text in pixels at 100 %, the same as Blender's on strips."""

TICK_WIDTH, TICK_HEIGHT, MOVE_LINE_HEIGHT = 2, 10, 2
"""Width and height of the tick of a moved sound, and height of the line to it, in pixels at 100 %."""

TEXT_MARGIN, MARK_MARGIN = 4, 1
"""Space on each side of a message, and of a mark on a strip with no room for a word, in pixels at 100 %."""

ATTENTION_MARK = "!"
"""The mark of a failed or stale strip with no room for a word."""

STRIP_BOTTOM, STRIP_TOP = 0.05, 0.9
"""Bottom and top of a strip as fractions of its channel's height, measured on screen."""

TEXT_BACKGROUND_COLOUR = (0.0, 0.0, 0.0, 0.75)
"""Background of a message: a waveform is as white as its text."""

PENDING_COLOUR, DONE_COLOUR = (0.0, 0.0, 0.0, 0.5), (0.35, 0.75, 0.45, 1.0)
FAILED_COLOUR, STALE_COLOUR = (0.85, 0.2, 0.2, 1.0), (0.95, 0.6, 0.15, 1.0)
SILENT_COLOUR = (0.6, 0.6, 0.6, 1.0)
MOVE_COLOUR = (1.0, 0.75, 0.3, 0.9)
CROP_MASK_COLOUR = (0.0, 0.0, 0.0, 0.6)
TEXT_COLOUR = (1.0, 1.0, 1.0, 1.0)

Colour = tuple[float, float, float, float]


class RegionBox(NamedTuple):
    """A rectangle in a region, in pixels."""

    left: float
    bottom: float
    right: float
    top: float


class StripOverlay(NamedTuple):
    """The overlay of one strip.

    `fraction` is the progress from 0 to 1, or None for an edge without a bar. `short` and `mark` stand for `text` on a narrow strip: a word
    and, if it needs attention, one character.
    """

    box: RegionBox
    colour: Colour
    fraction: float | None
    text: str
    short: str = ""
    mark: str = ""


def strip_overlays(scene: Any, region: Any) -> Iterator[StripOverlay]:
    """Yield the overlays of the visible strips in a region that shows a scene's timeline."""
    statuses = running_cues()
    view, strips = region.view2d, scene.sequence_editor.strips_all
    for cue, refs in cue_index.shared_cue_index.snapshot().items():
        status = statuses.get(cue)
        for ref in refs:
            # A take that is up to date and heard needs no overlay.
            if ref.scene != scene.name or (ref.is_filled and not (ref.is_stale or ref.is_silent)):
                continue
            strip = strips.get(ref.strip)
            if strip is None or (box := _strip_box(view, strip, region)) is None:
                continue
            yield _overlay_for(box, ref, status)


def move_boxes(scene: Any, region: Any, scale: float) -> list[RegionBox]:
    """Return the ticks and lines of the moved sounds of visible landed takes in a region that shows a scene's timeline."""
    view, strips = region.view2d, scene.sequence_editor.strips_all
    fps = float(selection.scene_rate(scene).fps)
    boxes: list[RegionBox] = []
    for refs in cue_index.shared_cue_index.snapshot().values():
        for ref in refs:
            strip = strips.get(ref.strip) if ref.scene == scene.name and ref.is_filled and not ref.tag.stem else None
            if (
                strip is None
                or not (moves := landing.drawn_moves(strip))
                or (box := _strip_box(view, strip, region)) is None
            ):
                continue
            first = float(compat.content_start(strip))
            for move in moves:
                before, after = (
                    view.view_to_region(first + seconds * fps, strip.channel, clip=False)[0]
                    for seconds in (move.before, move.after)
                )
                boxes += _move_boxes(box, before, after, scale)
    return boxes


def _move_boxes(box: RegionBox, before: float, after: float, scale: float) -> Iterator[RegionBox]:
    """Yield the line and the tick of one move, within the strip's box."""
    left, right = max(box.left, min(before, after)), min(box.right, max(before, after))
    if right > left:
        yield RegionBox(left, box.bottom, right, min(box.top, box.bottom + MOVE_LINE_HEIGHT * scale))
    if box.left <= after <= box.right:
        top = min(box.top, box.bottom + TICK_HEIGHT * scale)
        yield RegionBox(after, box.bottom, after + TICK_WIDTH * scale, top)


def _strip_box(view: Any, strip: Any, region: Any) -> RegionBox | None:
    channel = strip.channel
    left, bottom = view.view_to_region(compat.strip_start(strip), channel + STRIP_BOTTOM, clip=False)
    right, top = view.view_to_region(compat.strip_end(strip), channel + STRIP_TOP, clip=False)
    # A strip that is less than a pixel wide has no room even for an edge.
    is_visible = right > 0 and left < region.width and top > 0 and bottom < region.height and right - left > 1
    return RegionBox(max(left, 0), bottom, min(right, region.width), top) if is_visible else None


def _overlay_for(box: RegionBox, ref: StripRef, status: CueStatus | None) -> StripOverlay:
    number = ref.tag.take
    if ref.is_filled and not ref.is_stale:
        text = translate_ui("Silent: nothing is heard")
        return StripOverlay(box, SILENT_COLOUR, None, text, translate_ui("Silent"), ATTENTION_MARK)
    if ref.is_filled:
        text = translate_ui("Stale: the picture has changed")
        return StripOverlay(box, STALE_COLOUR, None, text, translate_ui("Stale"), ATTENTION_MARK)
    error = status.take_error(number) if status is not None and number in status.errors else ref.error
    if status is not None and number in status.steps and number not in status.errors:
        fraction = take_fraction(status.steps[number])
        return StripOverlay(box, DONE_COLOUR, fraction, status.take_message(number), f"{fraction:.0%}")
    if error:
        return StripOverlay(box, FAILED_COLOUR, None, error, translate_ui("Failed"), ATTENTION_MARK)
    return StripOverlay(box, PENDING_COLOUR, None, translate_ui("Waiting"))


def crop_mask_boxes(view: Any, size: tuple[int, int], position: float) -> list[RegionBox]:
    """Return the two parts of a preview that the model is not given, before and after its square, in pixels of the region.

    Args:
        view: the region's `view2d`. Its origin is the centre of the picture, and its unit is a pixel of the picture.
        size: the picture's width and height in pixels.
        position: the position of the square along the longer side, from 0 (left or top) to 1.
    """
    width, height = size
    travel = abs(width - height)
    left, bottom = view.view_to_region(-width / 2, -height / 2, clip=False)
    right, top = view.view_to_region(width / 2, height / 2, clip=False)
    if width > height:
        begin, _ = view.view_to_region(-width / 2 + travel * position, 0, clip=False)
        end, _ = view.view_to_region(width / 2 - travel * (1 - position), 0, clip=False)
        return [RegionBox(left, bottom, begin, top), RegionBox(end, bottom, right, top)]
    _, begin = view.view_to_region(0, height / 2 - travel * position, clip=False)
    _, end = view.view_to_region(0, -height / 2 + travel * (1 - position), clip=False)
    return [RegionBox(left, begin, right, top), RegionBox(left, bottom, right, end)]


def draw_crop_mask() -> None:
    """Dim the part of the preview that the model is not given. Blender calls this for each preview."""
    context = bpy.context
    scene = compat.active_sequencer_scene(context)
    if scene is None or scene.sequence_editor is None or not context.space_data.show_overlays:
        return
    settings, render = scene.tracklay, scene.render
    position = {"LEFT": 0.0, "CENTRE": 0.5, "RIGHT": 1.0, "HAND": settings.square_at}.get(settings.square)
    if position is None:  # the full frame, or the square with the most motion, which is only known after extraction
        return
    width = round(render.resolution_x * render.pixel_aspect_x / render.pixel_aspect_y)
    gpu.state.blend_set("ALPHA")
    _fill_boxes(crop_mask_boxes(context.region.view2d, (width, render.resolution_y), position), CROP_MASK_COLOUR)
    gpu.state.blend_set("NONE")


def draw_strip_overlays() -> None:
    """Draw the overlays of strips. Blender calls this for each sequencer."""
    context = bpy.context
    space, region = context.space_data, context.region
    scene = compat.active_sequencer_scene(context)
    if space.view_type == "PREVIEW" or scene is None or scene.sequence_editor is None or not space.show_overlays:
        return
    scale = context.preferences.system.ui_scale
    overlays, moves = list(strip_overlays(scene, region)), move_boxes(scene, region, scale)
    if not overlays and not moves:
        return
    # One draw call per colour instead of one per strip: a timeline may show hundreds of them.
    rectangles: dict[Colour, list[RegionBox]] = {MOVE_COLOUR: moves} if moves else {}
    blf.size(0, TEXT_SIZE * scale)
    labels = [label for overlay in overlays if (label := _fit_label(overlay, scale))]
    for overlay in overlays:
        for colour, box in _overlay_boxes(overlay, scale):
            rectangles.setdefault(colour, []).append(box)
    if labels:
        rectangles.setdefault(TEXT_BACKGROUND_COLOUR, []).extend(label.box for label in labels)
    gpu.state.blend_set("ALPHA")
    for colour, boxes in rectangles.items():
        _fill_boxes(boxes, colour)
    gpu.state.blend_set("NONE")
    for label in labels:
        _draw_label(label, scale)


def _overlay_boxes(overlay: StripOverlay, scale: float) -> Iterator[tuple[Colour, RegionBox]]:
    box, height = overlay.box, (BAR_HEIGHT if overlay.fraction is not None else EDGE_HEIGHT) * scale
    bar_top = min(box.top, box.bottom + height)
    if overlay.fraction is None:
        yield overlay.colour, RegionBox(box.left, box.bottom, box.right, bar_top)
        return
    if (TEXT_SIZE + BAR_HEIGHT) * scale < box.top - box.bottom < 2 * (TEXT_SIZE + BAR_HEIGHT) * scale + height:
        yield TEXT_BACKGROUND_COLOUR, RegionBox(box.left, bar_top, box.right, box.top)
    bar_end = box.left + (box.right - box.left) * overlay.fraction
    yield PENDING_COLOUR, RegionBox(bar_end, box.bottom, box.right, bar_top)
    yield overlay.colour, RegionBox(box.left, box.bottom, bar_end, bar_top)


def _fill_boxes(boxes: list[RegionBox], colour: Colour) -> None:
    """Fill rectangles with one colour in one draw call."""
    corners = [
        corner
        for left, bottom, right, top in boxes
        for corner in ((left, bottom), (right, bottom), (right, top), (left, top))
    ]
    # Two triangles for the four corners of each rectangle.
    triangles = [(each, each + one, each + one + 1) for each in range(0, len(corners), 4) for one in (1, 2)]
    shader = gpu.shader.from_builtin("UNIFORM_COLOR")
    shader.uniform_float("color", colour)
    batch_for_shader(shader, "TRIS", {"pos": corners}, indices=triangles).draw(shader)


def _text_width(text: str) -> float:
    return float(blf.dimensions(0, text)[0])


class _Label(NamedTuple):
    """A message that fits its strip, with the box behind it and where it begins, in pixels."""

    text: str
    box: RegionBox
    left: float


def _fit_label(overlay: StripOverlay, scale: float) -> _Label | None:
    """Return what of a message fits its strip; None if nothing does. The size of the font is set."""
    box = overlay.box
    width = box.right - box.left
    if box.top - box.bottom < (TEXT_SIZE + BAR_HEIGHT) * scale:
        return None
    margin = TEXT_MARGIN * scale
    text = fit_text(overlay.text, overlay.short, width - 2 * margin, _text_width)
    if not text:
        margin = MARK_MARGIN * scale
        text = fit_text(overlay.mark, "", width - 2 * margin, _text_width)
    if not text:
        return None
    bottom = box.bottom + BAR_HEIGHT * scale
    right, top = box.left + 2 * margin + _text_width(text), min(box.top, bottom + (TEXT_SIZE + 4) * scale)
    return _Label(text, RegionBox(box.left, bottom, min(box.right, right), top), box.left + margin)


def _draw_label(label: _Label, scale: float) -> None:
    blf.color(0, *TEXT_COLOUR)
    blf.position(0, label.left, label.box.bottom + 3 * scale, 0)
    blf.draw(0, label.text)


_draw_handlers: list[tuple[Any, str]] = []


def register() -> None:
    """Add the draw handlers. In background mode Blender draws nothing."""
    if not bpy.app.background:
        for draw, region in ((draw_strip_overlays, "WINDOW"), (draw_crop_mask, "PREVIEW")):
            handle = bpy.types.SpaceSequenceEditor.draw_handler_add(draw, (), region, "POST_PIXEL")
            _draw_handlers.append((handle, region))


def unregister() -> None:
    """Remove the draw handlers."""
    while _draw_handlers:
        bpy.types.SpaceSequenceEditor.draw_handler_remove(*_draw_handlers.pop())
