"""Lays sounds: strips above their picture, of exactly the cue's frames, connected to it. Placeholders first, takes with their entry."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Self, TypeVar

import bpy

from ...errors import TracklayError
from ...jobs import estimate
from ..settings import catalogue
from . import compat, connections, cue_index, placeholders, selection, staleness
from .cue_index import ENTRY, Asked
from .selection import Level

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from ...cue import Take
    from ...jobs import Order
    from .cue_index import Place
    from .selection import Spot

PICTURE = "tracklay_picture"
"""The custom property of a laid strip: the name its picture had."""

HALF_A_SAMPLE = 0.5 / 48_000
"""Seconds. Blender begins a sound on the next sample where its frame falls between two, and at NTSC rates even after an exact one
(its 1.001 is a 32-bit float); this much earlier, that becomes the nearest sample (measured in 4.5 to 5.2)."""

_Seen = TypeVar("_Seen")

CHANNELS = 128
"""Blender's own number."""

GENERATE, LAY, CANCEL = "Generate Sound", "Lay Take", "Cancel Sound"
"""What a person reads in the undo history."""


class Layer:
    """Lays strips on one scene's timeline for as long as it is open: `with Layer(scene) as layer`.

    What was laid is connected at the end, all at once. The person's selection, which Blender's connecting needs for itself, is as it
    was afterwards.
    """

    def __init__(self, scene: Any) -> None:
        self._scene = scene
        self._editor = scene.sequence_editor
        self._kept: list[Any] = []
        self._active: Any = None
        self._rooms: dict[str, Room] = {}
        self._groups: dict[str, list[Any]] = {}
        self._sounds: dict[str, Sounds] = {}
        """Looked at where Blender keeps to itself what is connected (before 5.1)."""

    def __enter__(self) -> Self:
        self._kept = [strip for strip in self._editor.strips_all if strip.select]
        self._active = self._editor.active_strip
        for strip in self._kept:
            strip.select = False
        return self

    def __exit__(self, failed: type[BaseException] | None, *_: object) -> None:
        try:
            if failed is None and self._groups:
                connections.connect(self._scene, self._groups.values())
        finally:
            for strip in self._kept:
                strip.select = True
            self._editor.active_strip = self._active

    def sound(self, level: Level, picture: Any, name: str, file: Path, span: tuple[int, int]) -> Any:
        """Lay a sound above its picture, connected to it: `span` is its first frame and how many it has.

        Raises:
            TracklayError: no channel is free there, or Blender cannot read the file.
        """
        first, frames = span
        room = _once(self._rooms, level, Room)
        channel = room.free_above(picture, first, frames)
        strip = sound(level, file, channel, first, frames, name=name)
        room.take(channel, first, frames)
        strip[PICTURE] = picture.name
        self.connect(level, picture, strip)
        return strip

    def connect(self, level: Level, picture: Any, laid: Any) -> None:
        """Have a sound connected to the picture and all that is connected to it already: Blender joins only whole groups.

        Inside a meta strip that is not open Blender cannot connect, and nothing is.
        """
        laid.select = False
        if picture.name not in self._groups:
            inside = selection.shown(self._scene)
            if inside is None or inside.strips.get(picture.name) != picture:
                return
            with_it = compat.connected(picture)
            if with_it is None:
                with_it = [strip for strip in _once(self._sounds, level, Sounds).of(picture) if strip != laid]
            self._groups[picture.name] = [picture, *with_it]
        self._groups[picture.name].append(laid)


def sound(level: Level, file: Path, channel: int, first: int, frames: int, *, name: str = "", hidden: int = 0) -> Any:
    """A sound strip of exactly these frames; `hidden` frames of the file come before them.

    Raises:
        TracklayError: Blender cannot read the file.
    """
    try:
        strip = level.strips.new_sound(name or file.stem, placeholders.as_named(file), channel, first - hidden)
    except RuntimeError as error:
        raise TracklayError(f"Blender cannot read {file}: {error}") from error
    if hidden:
        compat.set_start(strip, first)
    if compat.frames(strip) != frames:
        compat.set_frames(strip, frames)
    # Blender moves a strip up when its own idea of the length touches a neighbour, even for the moment before it is set.
    if strip.channel != channel:
        strip.channel = channel
    strip.sound_offset = -HALF_A_SAMPLE
    strip.show_waveform = True
    return strip


def connect(scene: Any, level: Level, picture: Any, laid: Iterable[Any]) -> None:
    """Connect sounds to a strip and to all that is connected to that already; the person's selection stays as it is."""
    with Layer(scene) as layer:
        for strip in laid:
            layer.connect(level, picture, strip)


def free_channel(level: Level, above: int, first: int, frames: int) -> int | None:
    """The first channel above where nothing lies in the range, that is neither locked nor muted."""
    return Room(level).free(above, first, frames)


class Room:
    """Which channels of a level are free when."""

    def __init__(self, level: Level) -> None:
        self._channels = level.channels
        self._taken: dict[int, list[tuple[int, int]]] = {}
        for strip in level.strips:
            self._taken.setdefault(strip.channel, []).append((compat.start(strip), compat.end(strip)))

    def free(self, above: int, first: int, frames: int) -> int | None:
        """The first channel above where nothing lies in the range, that is neither locked nor muted; None where there is none."""
        for number in range(above + 1, CHANNELS + 1):
            free = all(end <= first or start >= first + frames for start, end in self._taken.get(number, ()))
            if free and not self._channels[number].lock and not self._channels[number].mute:
                return number
        return None

    def free_above(self, picture: Any, first: int, frames: int) -> int:
        """The first free channel above a strip.

        Raises:
            TracklayError: there is none.
        """
        channel = self.free(picture.channel, first, frames)
        if channel is not None:
            return channel
        raise TracklayError(f"no channel above {picture.name} is free there: make room or unlock one")

    def take(self, channel: int, first: int, frames: int) -> None:
        """Something lies there from now on."""
        self._taken.setdefault(channel, []).append((first, first + frames))


def _once(known: dict[str, _Seen], level: Level, look: Callable[[Level], _Seen]) -> _Seen:
    """What is seen of a level, looked at once: it takes longer than laying a strip."""
    key = repr(level.strips)
    if key not in known:
        known[key] = look(level)
    return known[key]


def scene_of(spot: Spot, where: str) -> Any:
    """The scene of a spot. `where` is the rest of the sentence, where there is none any more.

    Raises:
        TracklayError: the scene has gone.
    """
    scene = next((scene for scene in bpy.data.scenes if scene.session_uid == spot.scene), None)
    if scene is None:
        raise TracklayError(f"the timeline of {spot.strip} is no longer open: {where}")
    return scene


def lay(spot: Spot, take: Take, index: int, asked: Asked | None = None) -> str:
    """Lay a take that has no placeholder, the `index`-th of its cue from 0; the name of its strip. All but the first are muted.

    `asked` says how the picture played when the take was asked for; without it, it is what plays now.

    Raises:
        TracklayError: the scene or the strip has gone, the scene's rate is another, no channel is free, or Blender cannot
            read the take. It is in its folder, and the message says where.
    """
    where = f"the take is in {take.file.parent}"
    scene = scene_of(spot, where)
    if selection.rate(scene) != spot.span.rate:
        raise TracklayError(
            f"the frame rate was changed while {spot.strip} was on its way: set it back and generate again; {where}"
        )
    try:
        level, picture = selection.find(scene, spot)
    except TracklayError as error:
        raise TracklayError(f"{error}, so nothing was laid: {where}") from error
    where_now = _where_now(spot, picture)
    if asked is None:
        asked = Asked(
            take.cue.model, take.cue.prompt, **staleness.asked_for(scene, picture, *where_now, staleness.Look())
        )
    with Layer(scene) as layer:
        try:
            strip = layer.sound(level, picture, named(asked.model), take.file, where_now)
        except TracklayError as error:
            raise TracklayError(f"{error}; the take is {take.file}") from error
        _mark(strip, take.cue.id, index, asked)
        strip[ENTRY] = json.dumps(take.entry(), ensure_ascii=False)
        return str(strip.name)


def _where_now(spot: Spot, picture: Any) -> tuple[int, int]:
    """First frame and frames of a spot, wherever its picture has moved since."""
    return spot.span.start + round(compat.content_start(picture) - spot.content_start), spot.span.frames


def hold(orders: Sequence[tuple[Order, Spot, Asked]]) -> None:
    """Lay a placeholder for each take of each order, all of them or none. It is the first thing that happens, before anything is sent.

    Raises:
        TracklayError: no channel is free above one of them, or the silence cannot be written.
    """
    made: list[tuple[Any, Any]] = []
    for uid in dict.fromkeys(spot.scene for _, spot, _ in orders):
        here = [each for each in orders if each[1].scene == uid]
        scene = scene_of(here[0][1], "open it again")
        try:
            with Layer(scene) as layer:
                for order, spot, asked in here:
                    level, picture = _just_spotted(scene, spot)
                    for index in range(order.cue.takes):
                        file = placeholders.silence(order.cue.id, index, order.cue.span.seconds)
                        strip = layer.sound(
                            level, picture, named(asked.model), file, (spot.span.start, spot.span.frames)
                        )
                        strip.show_waveform = (
                            False  # silence has none to see, and Blender would go on to show it after its take came
                        )
                        _mark(strip, order.cue.id, index, asked)
                        made.append((level, strip))
        except TracklayError:
            for level, strip in made:
                level.strips.remove(strip)
            raise


def check_room(orders: Sequence[tuple[Order, Spot]]) -> None:
    """See that takes will have room, before anything is sent.

    Raises:
        TracklayError: no channel is free above one of the pictures.
    """
    rooms: dict[str, Room] = {}
    for order, spot in orders:
        level, picture = _just_spotted(scene_of(spot, "open it again"), spot)
        room = _once(rooms, level, Room)
        for _ in range(order.cue.takes):
            room.take(room.free_above(picture, spot.span.start, spot.span.frames), spot.span.start, spot.span.frames)


def asked_for(order: Order, spot: Spot, look: staleness.Look) -> Asked:
    """What the strips of an order's takes say was asked for. `look` is one for all orders."""
    scene = scene_of(spot, "open it again")
    _, picture = _just_spotted(scene, spot)
    price = estimate(order)
    return Asked(
        model=order.model.id,
        prompt=order.cue.prompt,
        price=None if price is None else str(price),
        currency=order.model.price.currency,
        **staleness.asked_for(scene, picture, spot.span.start, spot.span.frames, look),
    )


def _just_spotted(scene: Any, spot: Spot) -> tuple[Level, Any]:
    """The strip of a spot that was made in this very moment: nothing can have moved it."""
    picture = scene.sequence_editor.strips_all[spot.strip]
    owner = picture.parent_meta() or scene.sequence_editor
    return Level(owner.strips, owner.channels), picture


def beside(place: Place, take: Take, index: int, asked: Asked) -> str | None:
    """Lay a further take of a job that gave several, above the one it came with and on its frames; the name of its strip."""
    found = place.find()
    if found is None:
        return None
    scene, strip = found
    level = next(level for level in selection.levels(scene) if strip.name in level.strips)
    with Layer(scene) as layer:
        made = layer.sound(level, strip, named(asked.model), take.file, (compat.start(strip), take.cue.span.frames))
        _mark(made, take.cue.id, index, asked)
        made[PICTURE] = strip.get(PICTURE, "")
        made[ENTRY] = json.dumps(take.entry(), ensure_ascii=False)
        return str(made.name)


def named(model_id: str) -> str:
    """What a strip of a model's is called."""
    model = catalogue.MODELS.get(model_id)
    return model.title if model else model_id


def _mark(strip: Any, cue: str, index: int, asked: Asked) -> None:
    strip.mute = index > 0
    cue_index.put_mark(strip, cue_index.Mark(cue, index))
    strip[cue_index.ASKED] = asked.text()


def remember(scene: Any, step: str = LAY) -> None:
    """Make what was just done one step of the undo history."""
    with compat.editing(scene):
        if bpy.ops.ed.undo_push.poll():  # a step is the whole file's, whatever scene is shown
            bpy.ops.ed.undo_push(message=step)


class Sounds:
    """The sounds of a level by what they are of. It goes through the level once."""

    def __init__(self, level: Level) -> None:
        self._laid: dict[str, list[Any]] = {}
        self._lying: dict[tuple[int, int], list[Any]] = {}
        for strip, start, frames in compat.spans(compat.of_kinds(level.strips, {"SOUND"})):
            self._laid.setdefault(str(strip.get(PICTURE, "")), []).append(strip)
            self._lying.setdefault((start, start + frames), []).append(strip)

    def of(self, picture: Any) -> list[Any]:
        """What is a picture's: its own sound, and the takes that were laid for it."""
        laid = self._laid.get(picture.name, [])
        return [*laid, *(strip for strip in self.own(picture) if strip not in laid)]

    def own(self, picture: Any) -> list[Any]:
        """The picture's own sound: strips of the same file on the same frames."""
        file = getattr(picture, "filepath", "")  # a scene or a meta strip has none
        same = self._lying.get((compat.start(picture), compat.end(picture)), []) if file else []
        path = bpy.path.abspath(file)
        return [strip for strip in same if strip.sound is not None and bpy.path.abspath(strip.sound.filepath) == path]
