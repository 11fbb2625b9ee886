"""Places sound strips above their picture: exactly as long as the cue, in a free channel, connected to the picture."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Self, TypeVar

import bpy

from ...cue import SAMPLE_RATE
from ...errors import TracklayError
from ...jobs import estimate_cost
from ..settings import catalogue
from . import compat, connections, cue_index, placeholders, selection, staleness
from .cue_index import ENTRY_PROPERTY, CueRequest
from .selection import StripLevel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from ...cue import Cue, Take
    from ...jobs import JobSpec
    from .cue_index import StripRef
    from .selection import CueSource

PICTURE_PROPERTY = "tracklay_picture"
"""Custom property of a laid strip: the name of its picture strip when it was laid."""

HALF_SAMPLE_SECONDS = 0.5 / SAMPLE_RATE
"""Seconds by which each strip is shifted earlier.

A frame often begins between two samples. Blender then starts the sound on the next one, and at NTSC rates even after an exact one, because
its 1.001 is a 32-bit float. Half a sample earlier, the next sample is the nearest one (measured in Blender 4.5 to 5.2).
"""

_LevelData = TypeVar("_LevelData")

MAX_CHANNELS = 128
"""Number of channels in Blender's sequencer (`SEQ_MAX_CHANNELS`)."""

UNDO_GENERATE, UNDO_LAY, UNDO_CANCEL = "Generate Sound", "Lay Take", "Cancel Sound"
"""Names of undo steps."""


class StripPlacer:
    """Places strips on one scene's timeline: `with StripPlacer(scene) as placer`.

    All strips are connected together at the end. Connecting works on the selection, so the user's selection is restored afterwards.
    """

    def __init__(self, scene: Any) -> None:
        self._scene = scene
        self._editor = scene.sequence_editor
        self._selection: list[Any] = []
        self._active: Any = None
        self._channel_maps: dict[str, ChannelMap] = {}
        self._connection_groups: dict[str, list[Any]] = {}
        self._sound_indexes: dict[str, SoundIndex] = {}
        """Used before Blender 5.1, whose Python API does not expose connections."""

    def __enter__(self) -> Self:
        self._selection = [strip for strip in self._editor.strips_all if strip.select]
        self._active = self._editor.active_strip
        for strip in self._selection:
            strip.select = False
        return self

    def __exit__(self, failed: type[BaseException] | None, *_: object) -> None:
        try:
            if failed is None and self._connection_groups:
                connections.connect_groups(self._scene, self._connection_groups.values())
        finally:
            for strip in self._selection:
                strip.select = True
            self._editor.active_strip = self._active

    def place_sound(self, level: StripLevel, picture: Any, name: str, file: Path, span: tuple[int, int]) -> Any:
        """Place a sound above its picture, connect the two, and return the strip.

        Args:
            level: the level of the picture.
            picture: the picture strip.
            name: name of the new strip.
            file: the sound file.
            span: first frame and number of frames.

        Raises:
            TracklayError: no channel is free there, or Blender cannot read the file.
        """
        first, frames = span
        room = _cached_for_level(self._channel_maps, level, ChannelMap)
        channel = room.require_free_above(picture, first, frames)
        strip = add_sound_strip(level, file, channel, first, frames, name=name)
        room.reserve(channel, first, frames)
        strip[PICTURE_PROPERTY] = picture.name
        self.connect(level, picture, strip)
        return strip

    def connect(self, level: StripLevel, picture: Any, laid: Any) -> None:
        """Note that a sound is connected to its picture, and to everything connected to that: Blender connects whole groups only.

        Inside a meta strip that is not open, Blender cannot connect strips; then nothing is connected.
        """
        laid.select = False
        if picture.name not in self._connection_groups:
            inside = selection.active_level(self._scene)
            if inside is None or inside.strips.get(picture.name) != picture:
                return
            connected = compat.connected_strips(picture)
            if connected is None:
                connected = [
                    strip
                    for strip in _cached_for_level(self._sound_indexes, level, SoundIndex).related_sounds(picture)
                    if strip != laid
                ]
            self._connection_groups[picture.name] = [picture, *connected]
        self._connection_groups[picture.name].append(laid)


def add_sound_strip(
    level: StripLevel, file: Path, channel: int, first: int, frames: int, *, name: str = "", hidden_frames: int = 0
) -> Any:
    """Add a sound strip of exactly these frames and return it.

    Args:
        level: the level to add it to.
        file: the sound file.
        channel: the channel.
        first: first timeline frame.
        frames: number of frames.
        name: name of the strip; by default the file's stem.
        hidden_frames: frames of the file before `first`, which the left handle hides.

    Raises:
        TracklayError: Blender cannot read the file.
    """
    try:
        strip = level.strips.new_sound(
            name or file.stem, placeholders.preferred_path(file), channel, first - hidden_frames
        )
    except RuntimeError as error:
        raise TracklayError(
            "blender.sound_unreadable", "Blender cannot read {file}: {error}", file=file, error=str(error).strip()
        ) from error
    if hidden_frames:
        compat.set_strip_start(strip, first)
    if compat.strip_frames(strip) != frames:
        compat.set_strip_frames(strip, frames)
    # Blender derives a length from the file, which may be a frame longer. If that overlaps a neighbour it moves the strip to a higher
    # channel at once, before the right length is set.
    if strip.channel != channel:
        strip.channel = channel
    strip.sound_offset = -HALF_SAMPLE_SECONDS
    strip.show_waveform = True
    return strip


def connect_sounds(scene: Any, level: StripLevel, picture: Any, laid: Iterable[Any]) -> None:
    """Connect sounds to a picture and to everything connected to it. The user's selection is kept."""
    with StripPlacer(scene) as placer:
        for strip in laid:
            placer.connect(level, picture, strip)


def find_free_channel(level: StripLevel, above: int, first: int, frames: int) -> int | None:
    """Return the first channel above `above` that is free in this range and neither locked nor muted; None if there is none."""
    return ChannelMap(level).find_free(above, first, frames)


class ChannelMap:
    """The occupied ranges of each channel of a level."""

    def __init__(self, level: StripLevel) -> None:
        self._channels = level.channels
        self._occupied: dict[int, list[tuple[int, int]]] = {}
        for strip in level.strips:
            self._occupied.setdefault(strip.channel, []).append((compat.strip_start(strip), compat.strip_end(strip)))

    def find_free(self, above: int, first: int, frames: int) -> int | None:
        """Return the first channel above `above` that is free in this range and neither locked nor muted; None if there is none."""
        for number in range(above + 1, MAX_CHANNELS + 1):
            free = all(end <= first or start >= first + frames for start, end in self._occupied.get(number, ()))
            if free and not self._channels[number].lock and not self._channels[number].mute:
                return number
        return None

    def require_free_above(self, picture: Any, first: int, frames: int) -> int:
        """Return the first free channel above a strip.

        Raises:
            TracklayError: there is none.
        """
        channel = self.find_free(picture.channel, first, frames)
        if channel is not None:
            return channel
        raise no_free_channel(picture)

    def reserve(self, channel: int, first: int, frames: int) -> None:
        """Mark a range of a channel as occupied."""
        self._occupied.setdefault(channel, []).append((first, first + frames))


def no_free_channel(strip: Any) -> TracklayError:
    """Return the error for a strip without a free channel above it."""
    return TracklayError(
        "blender.no_free_channel", "No free channel above {strip}. Unlock or clear one.", strip=strip.name
    )


def _cached_for_level(
    cached: dict[str, _LevelData], level: StripLevel, build: Callable[[StripLevel], _LevelData]
) -> _LevelData:
    """Return a value built once for each level: building it takes longer than placing a strip."""
    key = repr(level.strips)
    if key not in cached:
        cached[key] = build(level)
    return cached[key]


def find_scene(spot: CueSource) -> Any:
    """Return the scene of a spot.

    Raises:
        TracklayError: the scene no longer exists.
    """
    scene = next((scene for scene in bpy.data.scenes if scene.session_uid == spot.scene_uid), None)
    if scene is None:
        raise TracklayError(
            "blender.timeline_closed", "The timeline of {strip} is no longer open.", strip=spot.strip_name
        )
    return scene


def lay_take(spot: CueSource, take: Take, index: int, request: CueRequest | None = None) -> str:
    """Lay a take that has no placeholder, and return the name of its strip. All but the first take of a cue are muted.

    Args:
        spot: the picture that the take belongs to.
        take: the take.
        index: the take's index in its cue, from 0.
        request: the request that the strip stores; by default it is made from the picture as it plays now.

    Raises:
        TracklayError: the scene or the strip no longer exists, the frame rate has changed, no channel is free, or Blender
            cannot read the file. The message names the file, which is kept.
    """
    try:
        return _lay_take(spot, take, index, request)
    except TracklayError as error:
        raise TracklayError(
            "blender.take_not_laid", "{error} The take was not laid: {file}.", error=error, file=take.file
        ) from error


def _lay_take(spot: CueSource, take: Take, index: int, request: CueRequest | None) -> str:
    scene = find_scene(spot)
    if selection.scene_rate(scene) != spot.span.rate:
        raise TracklayError(
            "blender.frame_rate_changed",
            "The frame rate of {scene} changed while the sound of {strip} was generated. Restore it and generate again.",
            scene=scene.name,
            strip=spot.strip_name,
        )
    level, picture = selection.find_strip(scene, spot)
    span = _current_span(spot, picture)
    if request is None:
        fields = staleness.picture_request_fields(scene, picture, *span, staleness.SpeedEffectCache())
        request = CueRequest(take.cue.model, take.cue.prompt, **fields)
    with StripPlacer(scene) as placer:
        start, frames = span
        title = catalogue.model_title(request.model)
        strip = placer.place_sound(level, picture, title, take.file, (start, frames + take.cue.tail))
        _tag_strip(strip, take.cue.id, index, request)
        strip[ENTRY_PROPERTY] = json.dumps(take.to_manifest_entry(), ensure_ascii=False)
        return str(strip.name)


def _current_span(spot: CueSource, picture: Any) -> tuple[int, int]:
    """Return first frame and number of frames of a spot, moved with its picture."""
    return spot.span.start + round(compat.content_start(picture) - spot.content_start), spot.span.frames


def place_placeholders(orders: Sequence[tuple[JobSpec, CueSource, CueRequest]]) -> None:
    """Place a placeholder for each take of each job, all of them or none.

    This is done before anything is sent: a job without a free channel must not cost anything.

    Raises:
        TracklayError: a picture was removed, no channel is free above it, or the silent file cannot be written.
    """
    made: list[tuple[Any, Any]] = []
    for uid in dict.fromkeys(spot.scene_uid for _, spot, _ in orders):
        here = [each for each in orders if each[1].scene_uid == uid]
        scene = find_scene(here[0][1])
        try:
            with StripPlacer(scene) as placer:
                for spec, spot, request in here:
                    level, picture = selection.find_strip(scene, spot)  # it may have moved since
                    start, _ = _current_span(spot, picture)
                    for index in range(spec.cue.takes):
                        file = placeholders.write_silence(spec.cue.sound_span.seconds)
                        strip = placer.place_sound(
                            level,
                            picture,
                            catalogue.model_title(request.model),
                            file,
                            (start, spec.cue.sound_span.frames),
                        )
                        # Silence has no waveform, and Blender would keep drawing that one after the take has arrived.
                        strip.show_waveform = False
                        _tag_strip(strip, spec.cue.id, index, request)
                        made.append((level, strip))
        except TracklayError:
            for level, strip in made:
                level.strips.remove(strip)
            raise


def check_free_channels(orders: Sequence[tuple[JobSpec, CueSource]]) -> None:
    """Check that all takes will have a free channel, before anything is sent.

    Raises:
        TracklayError: no channel is free above one of the pictures.
    """
    rooms: dict[str, ChannelMap] = {}
    for order, spot in orders:
        level, picture = _find_just_spotted(find_scene(spot), spot)
        room = _cached_for_level(rooms, level, ChannelMap)
        start, frames = spot.span.start, order.cue.sound_span.frames
        for _ in range(order.cue.takes):
            room.reserve(room.require_free_above(picture, start, frames), start, frames)


def make_cue_request(order: JobSpec, spot: CueSource, speed_cache: staleness.SpeedEffectCache) -> CueRequest:
    """Return the request that a job's strips store. Use one `speed_cache` for all jobs of a call."""
    scene = find_scene(spot)
    _, picture = _find_just_spotted(scene, spot)
    price = estimate_cost(order)
    return CueRequest(
        model=order.model.id,
        prompt=order.cue.prompt,
        price=None if price is None else str(price),
        currency=order.model.price.currency,
        **staleness.picture_request_fields(scene, picture, spot.span.start, spot.span.frames, speed_cache),
    )


def _find_just_spotted(scene: Any, spot: CueSource) -> tuple[StripLevel, Any]:
    """Return level and strip of a spot made in this call: it cannot have moved, so its name is enough."""
    picture = scene.sequence_editor.strips_all[spot.strip_name]
    owner = picture.parent_meta() or scene.sequence_editor
    return StripLevel(owner.strips, owner.channels), picture


def place_beside(ref: StripRef, cue: Cue, index: int, request: CueRequest, take: Take | None = None) -> str | None:
    """Lay a take that has no placeholder of its own, or place its placeholder, above another take of its cue, where that one begins.

    Args:
        ref: the strip of the other take.
        cue: the cue.
        index: the take's index in its cue.
        request: the request that the strip stores.
        take: the take; None for a placeholder.

    Returns the name of the strip, or None if the other one no longer exists.

    Raises:
        TracklayError: no channel is free there, or a file cannot be read or written.
    """
    found = ref.resolve()
    if found is None:
        return None
    scene, strip = found
    level = next(level for level in selection.iter_levels(scene) if strip.name in level.strips)
    file = placeholders.write_silence(cue.sound_span.seconds) if take is None else take.file
    span = round(compat.content_start(strip)), cue.sound_span.frames  # of the whole take: the strip may be trimmed
    with StripPlacer(scene) as placer:
        made = placer.place_sound(level, strip, catalogue.model_title(request.model), file, span)
        _tag_strip(made, cue.id, index, request)
        made[PICTURE_PROPERTY] = strip.get(PICTURE_PROPERTY, "")
        if cue_index.JOINS_PROPERTY in strip:
            made[cue_index.JOINS_PROPERTY] = strip[cue_index.JOINS_PROPERTY]
        if take is None:
            made.show_waveform = False  # see `place_placeholders`
        else:
            made[ENTRY_PROPERTY] = json.dumps(take.to_manifest_entry(), ensure_ascii=False)
        return str(made.name)


def _tag_strip(strip: Any, cue: str, index: int, request: CueRequest) -> None:
    strip.mute = index > 0
    cue_index.set_take_tag(strip, cue_index.TakeTag(cue, index))
    strip[cue_index.REQUEST_PROPERTY] = request.to_json()


def push_undo(scene: Any, message: str = UNDO_LAY) -> None:
    """Push an undo step for what was just done."""
    with compat.sequencer_context(scene):
        if bpy.ops.ed.undo_push.poll():  # a step covers the whole file, whatever scene is shown
            bpy.ops.ed.undo_push(message=message)


class SoundIndex:
    """The sounds of a level by the picture they belong to. The level is scanned once."""

    def __init__(self, level: StripLevel) -> None:
        self._by_picture_name: dict[str, list[Any]] = {}
        self._by_span: dict[tuple[int, int], list[Any]] = {}
        for strip, start, frames in compat.strip_spans(compat.strips_of_types(level.strips, {"SOUND"})):
            self._by_picture_name.setdefault(str(strip.get(PICTURE_PROPERTY, "")), []).append(strip)
            self._by_span.setdefault((start, start + frames), []).append(strip)

    def related_sounds(self, picture: Any) -> list[Any]:
        """Return a picture's own sound and the takes laid for it."""
        laid = self._by_picture_name.get(picture.name, [])
        return [*laid, *(strip for strip in self.own_sounds(picture) if strip not in laid)]

    def own_sounds(self, picture: Any) -> list[Any]:
        """Return the picture's own sound: strips of the same file on the same frames."""
        file = getattr(picture, "filepath", "")  # a scene or a meta strip has none
        same = self._by_span.get((compat.strip_start(picture), compat.strip_end(picture)), []) if file else []
        path = bpy.path.abspath(file)
        return [strip for strip in same if strip.sound is not None and bpy.path.abspath(strip.sound.filepath) == path]
