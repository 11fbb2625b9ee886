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

from ...errors import Cancelled, InvalidInput, TracklayError
from ...jobs.job_spec import proxy_spec
from ...media.ffmpeg import CancelToken
from ...timing import Span
from ..runtime.requests import build_cue, submit_cues
from ..sequencer import compat, prompts, selection, timeline_copy
from ..settings import catalogue, properties
from ..settings.error_text import panel_error_text
from ..settings.i18n.translate import translate_ui
from .generate_ops import SKIP_SAVE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

    from ...cue import Cue, ProxySpec
    from ...models import Model
    from ...timing import Rate
    from ..sequencer.selection import CueSource

DEFAULT_EFFECT_SECONDS, MAX_EFFECT_SECONDS = 2.0, 10.0
"""How long an effect is where no marker follows it, and at most: a slam before a pause is no minute long."""

MIN_SHOT_SECONDS = 0.5
"""What is shorter is no shot but a flash or a fade."""

SEARCH_POLL_SECONDS = 0.1
"""Between two looks whether the cuts are found."""


def find_effect_model(settings: Any, model_id: str) -> Model:
    """What makes effects: the model that was asked for, the scene's own where it makes no music, else the built-in one.

    Raises:
        BadInput: there is no such model.
    """
    if model_id:
        return catalogue.get_model(model_id)
    chosen = catalogue.get_model(settings.model)
    return catalogue.get_model(properties.DEFAULT_MODEL) if chosen.task == "music" else chosen


def find_effect_markers(scene: Any) -> list[tuple[int, str]]:
    """Frame and name of each marker that is meant: those selected, else all that are called `sfx: …`; one a frame, in order.

    Raises:
        BadInput: there is none.
    """
    marks = list(scene.timeline_markers)
    chosen = [mark for mark in marks if mark.select] or [mark for mark in marks if prompts.is_sound_marker(mark.name)]
    if not chosen:
        raise InvalidInput(
            "no marker is selected, and none is called sfx: something; select markers, or name them as in `sfx: door slam`"
        )
    return sorted({mark.frame: mark.name for mark in chosen}.items())


def effect_lengths(frames: list[int], rate: Rate, *, until_next: bool, seconds: float, longest: float) -> list[int]:
    """How many frames each effect lasts: to the next marker, no more than `longest`; else `seconds`."""
    usual = max(1, rate.frames(_exact_seconds(seconds)))
    if not until_next:
        return [usual] * len(frames)
    most = max(1, rate.frames(_exact_seconds(longest)))
    return [*(min(after - frame, most) for frame, after in pairwise(frames)), usual]


def _exact_seconds(seconds: float) -> Fraction:
    return Fraction(round(seconds * 1000), 1000)


def spot_marker(scene: Any, model: Model, frame: int, frames: int, name: str) -> CueSource:
    """The spot of an effect: the picture that is seen on its frame.

    A model that looks at the picture is given no more than that shot; what only reads the prompt rings over a cut.

    Raises:
        BadInput: nothing is seen there, or it cannot be read.
    """
    level, rate = selection.active_level(scene), selection.scene_rate(scene)
    if model.seconds.most is not None:
        frames = min(frames, int(Fraction(model.seconds.most) * rate.fps))
    parts = [] if level is None else list(selection.topmost_ranges(level, frame, frame + frames))
    if not parts or parts[0][1] != frame:
        raise InvalidInput(
            f"there is no picture under the marker {name} at frame {frame}: move it over a strip, or deselect it"
        )
    (spot,) = selection.spot_ranges(scene, parts[:1])
    looks = model.picture_input(properties.param_values(scene.tracklay.params, model))
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
        "model": StringProperty(name="Model", description="A model's id; empty for the panel's", options=SKIP_SAVE),
        "by_gap": BoolProperty(
            name="Until Next Marker", description="Each effect lasts until the next marker", default=True
        ),
        "seconds": FloatProperty(
            name="Length",
            description="How long the effect of the last marker is, or of every one without Until Next Marker",
            default=DEFAULT_EFFECT_SECONDS,
            min=0.1,
            soft_max=30.0,
            unit="TIME_ABSOLUTE",
        ),
        "longest": FloatProperty(
            name="Longest",
            description="No effect is longer, however far the next marker is",
            default=MAX_EFFECT_SECONDS,
            min=0.1,
            soft_max=60.0,
            unit="TIME_ABSOLUTE",
        ),
        "wait": BoolProperty(name="Wait", description="Block until every take is laid: for scripts", options=SKIP_SAVE),
    }

    def execute(self, context: Any) -> AbstractSet[str]:
        """Send a cue for each marker on its way."""
        scene = compat.active_sequencer_scene(context)
        try:
            return submit_cues(self, list(self._marker_cues(scene)), wait=self.wait)
        except TracklayError as error:
            self.report({"ERROR"}, panel_error_text(error))
            return {"CANCELLED"}

    def _marker_cues(self, scene: Any) -> Iterator[tuple[Cue, CueSource]]:
        marks, settings = find_effect_markers(scene), scene.tracklay
        model = find_effect_model(settings, self.model)
        frames = effect_lengths(
            [frame for frame, _ in marks],
            selection.scene_rate(scene),
            until_next=self.by_gap,
            seconds=self.seconds,
            longest=self.longest,
        )
        for (frame, name), length in zip(marks, frames, strict=True):
            spot = spot_marker(scene, model, frame, length, name)
            said = prompts.marker_prompt(name)
            yield build_cue(spot, settings, model=model.id, **({"prompt": said} if said else {})), spot


def spot_shots(scene: Any) -> list[CueSource]:
    """What is seen of the selection, from cut to cut between strips; of the preview range where nothing is selected.

    Raises:
        BadInput: nothing is, or a strip plays in a way that cannot be read.
    """
    chosen, level = selection.selected_ranges(scene), selection.active_level(scene)
    if not chosen or level is None:
        return selection.spot_ranges(scene)
    names = {strip.name for strip, _, _ in chosen}
    first = min(start for _, start, _ in chosen)
    end = max(start + frames for _, start, frames in chosen)
    seen = [part for part in selection.topmost_ranges(level, first, end) if part[0].name in names]
    return selection.spot_ranges(scene, seen or chosen)


def split_spot(spot: CueSource, cut_frames: tuple[int, ...]) -> list[CueSource]:
    """The shots of a spot that begin on these frames."""
    edges = (spot.span.start, *cut_frames, spot.span.end)
    return [replace(spot, span=Span(first, end - first, spot.span.rate)) for first, end in pairwise(edges)]


def shot_proxy_spec(settings: Any) -> ProxySpec | None:
    """What the picture must be like that the scene's model will be shown of each shot; None where it looks at none.

    Raises:
        BadInput: there is no such model.
    """
    model = catalogue.get_model(settings.model)
    looks = model.picture_input(properties.param_values(settings.params, model))
    return proxy_spec(model, properties.square_setting(settings)) if looks else None


@dataclass
class CutSearch:
    """Looks for cuts within spots, several at once in threads of their own: pictures are decoded in other processes.

    `proxy_spec` is what the shots' pictures will have to be like: those that are decoded for the cuts are kept.
    """

    spots: list[CueSource]
    proxy_spec: ProxySpec | None = None
    shots: list[CueSource] = field(default_factory=list)
    error: TracklayError | None = None

    def __post_init__(self) -> None:
        """Begin."""
        self._cancel_token, self._render_lock = (
            CancelToken(),
            threading.Lock(),
        )  # one Blender at a time: it takes all that there is
        self._thread = threading.Thread(target=self._run, name="tracklay-cuts", daemon=True)
        self._thread.start()

    @property
    def is_finished(self) -> bool:
        """Whether it has ended."""
        return not self._thread.is_alive()

    def wait(self) -> list[CueSource]:
        """Wait for the shots.

        Raises:
            TracklayError: a picture cannot be read.
        """
        self._thread.join()
        if self.error:
            raise self.error
        return self.shots

    def cancel(self) -> None:
        """Give it up."""
        self._cancel_token.cancel()
        self._thread.join()

    def _run(self) -> None:
        from ...jobs.scheduler import DEFAULT_LIMITS  # noqa: PLC0415 - asyncio comes along, and this thread holds nobody up

        try:
            with (
                tempfile.TemporaryDirectory(prefix="tracklay-") as folder,
                ThreadPoolExecutor(DEFAULT_LIMITS["extract"], "tracklay-cuts") as pool,
                contextlib.ExitStack() as over,
            ):
                over.callback(self._cancel_token.cancel)  # where one went wrong, the others are not waited for
                for shots in pool.map(lambda spot: self._split_at_cuts(spot, Path(folder)), self.spots):
                    self.shots += shots
        except Cancelled:
            pass
        except TracklayError as error:
            self.error = error
        except Exception as error:  # noqa: BLE001 - a fault of ours must reach the person and not vanish with its thread
            self.error = TracklayError(f"a fault in Tracklay itself: {type(error).__name__}: {error}")

    def _split_at_cuts(self, spot: CueSource, folder: Path) -> list[CueSource]:
        from ...media.shot_detection import find_cuts  # noqa: PLC0415 - all that reads pictures comes along

        shortest = max(1, spot.span.rate.frames(_exact_seconds(MIN_SHOT_SECONDS)))
        with self._render_lock if spot.picture.render else contextlib.nullcontext():
            at = find_cuts(
                spot.picture,
                spot.span,
                folder,
                min_shot_frames=shortest,
                proxy_spec=self.proxy_spec,
                cancel_token=self._cancel_token,
            )
        return split_spot(spot, at)


_running_operators: list[Any] = []
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
        "wait": BoolProperty(name="Wait", description="Block until every take is laid: for scripts", options=SKIP_SAVE),
    }

    def execute(self, context: Any) -> AbstractSet[str]:
        """Find the shots, and send a cue for each on its way."""
        scene = compat.active_sequencer_scene(context)
        try:
            found = spot_shots(scene)
            if not self.detect:
                return self._submit(scene, found)
            made = timeline_copy.TimelineCopies()
            found = [replace(spot, picture=made.with_copy(spot.picture)) for spot in found]
            self._search, self._scene_uid = CutSearch(found, shot_proxy_spec(scene.tracklay)), scene.session_uid
            if self.wait or bpy.app.background:
                return self._submit(scene, self._search.wait())
        except TracklayError as error:
            self.report({"ERROR"}, panel_error_text(error))
            return {"CANCELLED"}
        _running_operators.append(self)
        manager = context.window_manager
        self._timer = manager.event_timer_add(SEARCH_POLL_SECONDS, window=context.window)
        manager.modal_handler_add(self)
        context.workspace.status_text_set(translate_ui("Looking for cuts …  Esc: Cancel"))
        return {"RUNNING_MODAL"}

    def modal(self, context: Any, event: Any) -> AbstractSet[str]:
        """Look whether the shots are found; the person works on meanwhile."""
        if event.type == "ESC":
            self.cancel(context)
            return {"CANCELLED"}
        if event.type != "TIMER" or not self._search.is_finished:
            return {"PASS_THROUGH"}
        self._stop_timer(context)
        scene = next((scene for scene in bpy.data.scenes if scene.session_uid == self._scene_uid), None)
        if scene is None:
            return {"CANCELLED"}
        try:
            return self._submit(scene, self._search.wait())
        except TracklayError as error:
            self.report({"ERROR"}, panel_error_text(error))
            return {"CANCELLED"}

    def cancel(self, context: Any) -> None:
        """Give it up. Blender calls it too, when another file is opened."""
        self._search.cancel()
        self._stop_timer(context)

    def _stop_timer(self, context: Any) -> None:
        if self in _running_operators:
            _running_operators.remove(self)
            context.window_manager.event_timer_remove(self._timer)
            if context.workspace:
                context.workspace.status_text_set(None)

    def _submit(self, scene: Any, found: list[CueSource]) -> AbstractSet[str]:
        settings = scene.tracklay
        return submit_cues(self, [(build_cue(spot, settings), spot) for spot in found], wait=self.wait)


def cancel_searches() -> None:
    """End what is looked for."""
    for operator in _running_operators:
        operator.cancel(bpy.context)


CLASSES = (TRACKLAY_OT_effects_at_markers, TRACKLAY_OT_cues_from_cuts)
