"""Many cues at once: an effect at each marker, and a cue for each shot between cuts."""

from __future__ import annotations

import contextlib
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy
from bpy.props import BoolProperty, FloatProperty, StringProperty

from ...errors import BadInput, Cancelled, TracklayError
from ...jobs.job_spec import sized
from ...media.ffmpeg import Stop
from ...timing import Span
from ..render import timeline_copy
from ..sequencer import compat, prompts, selection
from ..settings import catalogue, properties
from ..settings.error_text import of_panel
from ..settings.i18n.translate import said
from .generate_ops import ONCE, cue_for, send

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

    from ...cue import Cue, Sized
    from ...models import Model
    from ...timing import Rate
    from ..sequencer.selection import Spot

LENGTH_SECONDS, LONGEST_SECONDS = 2.0, 10.0
"""How long an effect is where no marker follows it, and at most: a slam before a pause is no minute long."""

SHORTEST_SECONDS = 0.5
"""What is shorter is no shot but a flash or a fade."""

LOOK_SECONDS = 0.1
"""Between two looks whether the cuts are found."""


def model_at_markers(settings: Any, asked: str) -> Model:
    """What makes effects: the model that was asked for, the scene's own where it makes no music, else the built-in one.

    Raises:
        BadInput: there is no such model.
    """
    if asked:
        return catalogue.model(asked)
    chosen = catalogue.model(settings.model)
    return catalogue.model(properties.DEFAULT_MODEL) if chosen.task == "music" else chosen


def marked(scene: Any) -> list[tuple[int, str]]:
    """Frame and name of each marker that is meant: those selected, else all that are called `sfx: …`; one a frame, in order.

    Raises:
        BadInput: there is none.
    """
    marks = list(scene.timeline_markers)
    chosen = [mark for mark in marks if mark.select] or [mark for mark in marks if prompts.names_a_sound(mark.name)]
    if not chosen:
        raise BadInput(
            "no marker is selected, and none is called sfx: something; select markers, or name them as in `sfx: door slam`"
        )
    return sorted({mark.frame: mark.name for mark in chosen}.items())


def lengths(frames: list[int], rate: Rate, *, by_gap: bool, seconds: float, longest: float) -> list[int]:
    """How many frames each effect lasts: to the next marker, no more than `longest`; else `seconds`."""
    usual = max(1, rate.frames(_exact(seconds)))
    if not by_gap:
        return [usual] * len(frames)
    most = max(1, rate.frames(_exact(longest)))
    return [*(min(after - frame, most) for frame, after in pairwise(frames)), usual]


def _exact(seconds: float) -> Fraction:
    return Fraction(round(seconds * 1000), 1000)


def spot_at(scene: Any, model: Model, frame: int, frames: int, name: str) -> Spot:
    """The spot of an effect: the picture that is seen on its frame.

    A model that looks at the picture is given no more than that shot; what only reads the prompt rings over a cut.

    Raises:
        BadInput: nothing is seen there, or it cannot be read.
    """
    level, rate = selection.shown(scene), selection.rate(scene)
    if model.seconds.most is not None:
        frames = min(frames, int(Fraction(model.seconds.most) * rate.fps))
    parts = [] if level is None else list(selection.on_top(level, frame, frame + frames))
    if not parts or parts[0][1] != frame:
        raise BadInput(
            f"there is no picture under the marker {name} at frame {frame}: move it over a strip, or deselect it"
        )
    (spot,) = selection.spots(scene, parts[:1])
    looks = model.sees(properties.values(scene.tracklay.params, model))
    return spot if looks else replace(spot, span=Span(frame, frames, rate))


class TRACKLAY_OT_effects_at_markers(bpy.types.Operator):  # type: ignore[misc]  # noqa: N801 - Blender's own naming
    """Make a sound effect at each selected marker, or at each that is called sfx: something, and lay it on the marker's frame."""

    bl_idname = "tracklay.effects_at_markers"
    bl_description = (
        "Make a sound effect at each selected marker (or, when none is selected, at each that is named like sfx: door slam) "
        "and lay it on the marker's frame. The marker's name is the prompt"
    )
    bl_label = "Effects at Markers"
    bl_options = {"REGISTER"}
    __annotations__ = {
        "model": StringProperty(name="Model", description="A model's id; empty for the panel's", options=ONCE),
        "by_gap": BoolProperty(
            name="Until Next Marker", description="Each effect lasts until the next marker", default=True
        ),
        "seconds": FloatProperty(
            name="Length",
            description="How long the effect of the last marker is, or of every one without Until Next Marker",
            default=LENGTH_SECONDS,
            min=0.1,
            soft_max=30.0,
            unit="TIME_ABSOLUTE",
        ),
        "longest": FloatProperty(
            name="Longest",
            description="No effect is longer, however far the next marker is",
            default=LONGEST_SECONDS,
            min=0.1,
            soft_max=60.0,
            unit="TIME_ABSOLUTE",
        ),
        "wait": BoolProperty(name="Wait", description="Block until every take is laid: for scripts", options=ONCE),
    }

    def execute(self, context: Any) -> AbstractSet[str]:
        """Send a cue for each marker on its way."""
        scene = compat.timeline(context)
        try:
            return send(self, list(self._cues(scene)), wait=self.wait)
        except TracklayError as error:
            self.report({"ERROR"}, of_panel(error))
            return {"CANCELLED"}

    def _cues(self, scene: Any) -> Iterator[tuple[Cue, Spot]]:
        marks, settings = marked(scene), scene.tracklay
        model = model_at_markers(settings, self.model)
        frames = lengths(
            [frame for frame, _ in marks],
            selection.rate(scene),
            by_gap=self.by_gap,
            seconds=self.seconds,
            longest=self.longest,
        )
        for (frame, name), length in zip(marks, frames, strict=True):
            spot = spot_at(scene, model, frame, length, name)
            said = prompts.of_marker(name)
            yield cue_for(spot, settings, model=model.id, **({"prompt": said} if said else {})), spot


def shots(scene: Any) -> list[Spot]:
    """What is seen of the selection, from cut to cut between strips; of the preview range where nothing is selected.

    Raises:
        BadInput: nothing is, or a strip plays in a way that cannot be read.
    """
    chosen, level = selection.selected(scene), selection.shown(scene)
    if not chosen or level is None:
        return selection.spots(scene)
    names = {strip.name for strip, _, _ in chosen}
    first = min(start for _, start, _ in chosen)
    end = max(start + frames for _, start, frames in chosen)
    seen = [part for part in selection.on_top(level, first, end) if part[0].name in names]
    return selection.spots(scene, seen or chosen)


def split(spot: Spot, at: tuple[int, ...]) -> list[Spot]:
    """The shots of a spot that begin on these frames."""
    edges = (spot.span.start, *at, spot.span.end)
    return [replace(spot, span=Span(first, end - first, spot.span.rate)) for first, end in pairwise(edges)]


def wanted(settings: Any) -> Sized | None:
    """What the picture must be like that the scene's model will be shown of each shot; None where it looks at none.

    Raises:
        BadInput: there is no such model.
    """
    model = catalogue.model(settings.model)
    looks = model.sees(properties.values(settings.params, model))
    return sized(model, properties.square(settings)) if looks else None


@dataclass
class Search:
    """Looks for cuts within spots, several at once in threads of their own: pictures are decoded in other processes.

    `proxies` is what the shots' pictures will have to be like: those that are decoded for the cuts are kept.
    """

    spots: list[Spot]
    proxies: Sized | None = None
    found: list[Spot] = field(default_factory=list)
    trouble: TracklayError | None = None

    def __post_init__(self) -> None:
        """Begin."""
        self._stop, self._rendering = Stop(), threading.Lock()  # one Blender at a time: it takes all that there is
        self._thread = threading.Thread(target=self._look, name="tracklay-cuts", daemon=True)
        self._thread.start()

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return not self._thread.is_alive()

    def wait(self) -> list[Spot]:
        """Wait for the shots.

        Raises:
            TracklayError: a picture cannot be read.
        """
        self._thread.join()
        if self.trouble:
            raise self.trouble
        return self.found

    def stop(self) -> None:
        """Give it up."""
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        from ...jobs.scheduler import AT_ONCE  # noqa: PLC0415 - asyncio comes along, and this thread holds nobody up

        try:
            with (
                tempfile.TemporaryDirectory(prefix="tracklay-") as folder,
                ThreadPoolExecutor(AT_ONCE["extract"], "tracklay-cuts") as pool,
                contextlib.ExitStack() as over,
            ):
                over.callback(self._stop.set)  # where one went wrong, the others are not waited for
                for shots in pool.map(lambda spot: self._parted(spot, Path(folder)), self.spots):
                    self.found += shots
        except Cancelled:
            pass
        except TracklayError as error:
            self.trouble = error
        except Exception as error:  # noqa: BLE001 - a fault of ours must reach the person and not vanish with its thread
            self.trouble = TracklayError(f"a fault in Tracklay itself: {type(error).__name__}: {error}")

    def _parted(self, spot: Spot, folder: Path) -> list[Spot]:
        from ...media.shot_detection import cuts  # noqa: PLC0415 - all that reads pictures comes along

        shortest = max(1, spot.span.rate.frames(_exact(SHORTEST_SECONDS)))
        with self._rendering if spot.picture.render else contextlib.nullcontext():
            at = cuts(spot.picture, spot.span, folder, shortest=shortest, proxies=self.proxies, stop=self._stop)
        return split(spot, at)


_looking: list[Any] = []
"""The operators that look for cuts now: the add-on ends them with itself."""


class TRACKLAY_OT_cues_from_cuts(bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Make sound for each shot of the selection by itself."""

    bl_idname = "tracklay.cues_from_cuts"
    bl_description = (
        "Make sound for each shot of the selected strips by itself, from cut to cut (or of the preview range, when none is "
        "selected), and lay it under the shot"
    )
    bl_label = "Cues from Cuts"
    bl_options = {"REGISTER"}
    __annotations__ = {
        "detect": BoolProperty(
            name="Within Strips",
            description="Also find the cuts within a strip, by looking at its picture",
            default=True,
        ),
        "wait": BoolProperty(name="Wait", description="Block until every take is laid: for scripts", options=ONCE),
    }

    def execute(self, context: Any) -> AbstractSet[str]:
        """Find the shots, and send a cue for each on its way."""
        scene = compat.timeline(context)
        try:
            found = shots(scene)
            if not self.detect:
                return self._sent(scene, found)
            made = timeline_copy.Copies()
            found = [replace(spot, picture=made.of(spot.picture)) for spot in found]
            self._search, self._scene = Search(found, wanted(scene.tracklay)), scene.session_uid
            if self.wait or bpy.app.background:
                return self._sent(scene, self._search.wait())
        except TracklayError as error:
            self.report({"ERROR"}, of_panel(error))
            return {"CANCELLED"}
        _looking.append(self)
        manager = context.window_manager
        self._timer = manager.event_timer_add(LOOK_SECONDS, window=context.window)
        manager.modal_handler_add(self)
        context.workspace.status_text_set(said("Looking for cuts …  Esc: Cancel"))
        return {"RUNNING_MODAL"}

    def modal(self, context: Any, event: Any) -> AbstractSet[str]:
        """Look whether the shots are found; the person works on meanwhile."""
        if event.type == "ESC":
            self.cancel(context)
            return {"CANCELLED"}
        if event.type != "TIMER" or not self._search.over:
            return {"PASS_THROUGH"}
        self._end(context)
        scene = next((scene for scene in bpy.data.scenes if scene.session_uid == self._scene), None)
        if scene is None:
            return {"CANCELLED"}
        try:
            return self._sent(scene, self._search.wait())
        except TracklayError as error:
            self.report({"ERROR"}, of_panel(error))
            return {"CANCELLED"}

    def cancel(self, context: Any) -> None:
        """Give it up. Blender calls it too, when another file is opened."""
        self._search.stop()
        self._end(context)

    def _end(self, context: Any) -> None:
        if self in _looking:
            _looking.remove(self)
            context.window_manager.event_timer_remove(self._timer)
            if context.workspace:
                context.workspace.status_text_set(None)

    def _sent(self, scene: Any, found: list[Spot]) -> AbstractSet[str]:
        settings = scene.tracklay
        return send(self, [(cue_for(spot, settings), spot) for spot in found], wait=self.wait)


def close() -> None:
    """End what is looked for."""
    for operator in _looking:
        operator.cancel(bpy.context)


CLASSES = (TRACKLAY_OT_effects_at_markers, TRACKLAY_OT_cues_from_cuts)
