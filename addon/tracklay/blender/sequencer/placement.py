"""Places sound strips above their picture: exactly as long as the cue, in a free channel, connected to the picture."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Self, TypeVar

import bpy

from ...cue import SAMPLE_RATE
from ...errors import TracklayError
from ...jobs import estimate_cost
from . import compat, connections, cue_index, placeholders, selection, staleness
from .channels import strip_names
from .channels.by_kind import KindChannels
from .channels.channel_map import ChannelMap, no_free_channel
from .cue_index import CueRequest, TakeTag
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
        self._channels: dict[str, KindChannels] = {}
        self._names = strip_names.StripNames(scene)
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
            if failed is not None:
                for channels in self._channels.values():
                    channels.forget_names()
            groups = [group for group in self._connection_groups.values() if len(group) > 1]
            if failed is None and groups:
                connections.connect_groups(self._scene, groups)
        finally:
            for strip in self._selection:
                strip.select = True
            self._editor.active_strip = self._active

    def place_sound(
        self, level: StripLevel, picture: Any, file: Path, span: tuple[int, int], tag: TakeTag, request: CueRequest
    ) -> Any:
        """Place a sound on a channel of its kind above its picture, connect it, and return the strip.

        A take over a range is connected only to the cue's other takes. Blender selects the handles of connected strips together, so with
        the first shot connected, trimming that shot would trim the music of the whole scene.

        Args:
            level: the level of the picture.
            picture: the picture strip; for a cue over a range, the first one.
            file: the sound file.
            span: first frame and number of frames.
            tag: the take that it belongs to.
            request: the request of its cue.

        Raises:
            TracklayError: no channel is free there, or Blender cannot read the file.
        """
        first, frames = span
        channels = _cached_for_level(self._channels, level, KindChannels)
        channel = channels.take_channel(strip_names.kind_of(request), picture.channel, first, frames)
        if channel is None:
            raise no_free_channel(picture)
        strip = add_sound_strip(level, file, channel, first, frames, name=self._names.new_name(request))
        cue_index.set_take_tag(strip, tag)
        strip.mute = tag.take > 0
        strip[cue_index.REQUEST_PROPERTY] = request.to_json()
        if request.under:
            strip.select = False
            self._connection_groups.setdefault(tag.cue, []).append(strip)
        else:
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
        fields = _picture_fields(scene, picture, spot, span, staleness.SpeedEffectCache())
        request = CueRequest(take.cue.model, take.cue.prompt, **fields)
    with StripPlacer(scene) as placer:
        start, frames = span
        tag = TakeTag(take.cue.id, index)
        strip = placer.place_sound(level, picture, take.file, (start, frames + take.cue.tail), tag, request)
        cue_index.set_entry(strip, json.dumps(take.to_manifest_entry(), ensure_ascii=False))
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
                    name = strip_names.base_name(request)
                    for index in range(spec.cue.takes):
                        file = placeholders.write_silence(spec.cue.sound_span.seconds, name)
                        span = start, spec.cue.sound_span.frames
                        strip = placer.place_sound(level, picture, file, span, TakeTag(spec.cue.id, index), request)
                        placeholders.prepare_placeholder(strip)
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
    channels: dict[str, ChannelMap] = {}
    for order, spot in orders:
        level, picture = _find_just_spotted(find_scene(spot), spot)
        room = _cached_for_level(channels, level, ChannelMap)
        start, frames = spot.span.start, order.cue.sound_span.frames
        for _ in range(order.cue.takes):
            channel = room.find_free(picture.channel, start, frames)
            if channel is None:
                raise no_free_channel(picture)
            room.reserve(channel, start, frames)


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
        **_picture_fields(scene, picture, spot, (spot.span.start, spot.span.frames), speed_cache),
    )


def _picture_fields(
    scene: Any, picture: Any, spot: CueSource, span: tuple[int, int], speed_cache: staleness.SpeedEffectCache
) -> dict[str, Any]:
    """Return the fields of `CueRequest` that describe what plays under a cue on some frames."""
    if spot.picture.is_joined:
        return staleness.joined_request_fields(scene, picture, *span, speed_cache)
    return staleness.picture_request_fields(scene, picture, *span, speed_cache)


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
    silence = cue.sound_span.seconds, strip_names.base_name(request)
    file = placeholders.write_silence(*silence) if take is None else take.file
    span = round(compat.content_start(strip)), cue.sound_span.frames  # of the whole take: the strip may be trimmed
    with StripPlacer(scene) as placer:
        made = placer.place_sound(level, strip, file, span, TakeTag(cue.id, index), request)
        if not request.under:
            made[PICTURE_PROPERTY] = strip.get(PICTURE_PROPERTY, "")
        if cue_index.JOINS_PROPERTY in strip:
            made[cue_index.JOINS_PROPERTY] = strip[cue_index.JOINS_PROPERTY]
        if take is None:
            placeholders.prepare_placeholder(made)
        else:
            cue_index.set_entry(made, json.dumps(take.to_manifest_entry(), ensure_ascii=False))
        return str(made.name)


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
