"""The operator Generate Cues from Cuts: a cue for each shot, with the cuts inside strips found in the background."""

from __future__ import annotations

import contextlib
import tempfile
import threading
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import bpy
from bpy.props import BoolProperty, FloatProperty

from ...cancellation import CancelToken
from ...errors import Cancelled, TracklayError
from ...jobs.job_spec import proxy_spec
from ...timing import Span
from ..runtime import estimates
from ..runtime.requests import build_cue, submit_cues
from ..sequencer import compat, selection, timeline_copy
from ..settings import catalogue, properties
from ..settings.i18n.translate import translate_ui
from .common import SKIP_SAVE, WAIT_ARGUMENT, ModalOperator, TracklayOperator, exact_seconds

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ...cue import ProxySpec
    from ...timing import Rate
    from ..sequencer.selection import CueSource

MIN_SHOT_SECONDS = 0.5
"""Minimum length of a shot: anything shorter is a flash or a fade."""

THRESHOLD_ARGUMENT = FloatProperty(
    name="Threshold",
    description="Change of the picture from which a frame is a cut",
    default=10.0,
    min=3.0,
    max=60.0,
    precision=1,
    options=SKIP_SAVE,
)
"""From `shot_detection.MIN_CUT_THRESHOLD`, by default `CUT_THRESHOLD`; a test compares them, as importing them imports the decoders."""


def spot_shots(scene: Any) -> list[CueSource]:
    """Return the visible ranges of the selected strips from cut to cut, or of the preview range if none is selected.

    Raises:
        InvalidInput: nothing is selected and no preview range is set, or a strip cannot be read.
    """
    chosen, level = selection.selected_ranges(scene), selection.active_level(scene)
    if not chosen or level is None:
        return selection.spot_ranges(scene)
    names = {strip.name for strip, _, _ in chosen}
    first = min(start for _, start, _ in chosen)
    end = max(start + frames for _, start, frames in chosen)
    visible = [part for part in selection.topmost_ranges(level, first, end) if part[0].name in names]
    # Strips that are covered everywhere were selected on purpose: use them as they are.
    return selection.spot_ranges(scene, visible or chosen)


def split_spot(spot: CueSource, cut_frames: tuple[int, ...]) -> list[CueSource]:
    """Return the shots of a spot. `cut_frames` are the first frames of all shots but the first."""
    edges = (spot.span.start, *cut_frames, spot.span.end)
    return [replace(spot, span=Span(first, end - first, spot.span.rate)) for first, end in pairwise(edges)]


def shot_proxy_spec(settings: Any) -> ProxySpec | None:
    """Return the format of the proxies that the scene's model needs, or None if it does not look at the picture.

    Raises:
        InvalidInput: there is no such model.
    """
    model = catalogue.get_model(settings.model)
    uses_picture = model.picture_input(properties.param_values(settings.params, model))
    return proxy_spec(model, properties.square_setting(settings)) if uses_picture else None


class FoundFrames(NamedTuple):
    """A spot, and (timeline frame, score) of its frames that may begin a shot."""

    spot: CueSource
    scored_frames: list[tuple[int, float]]


def shots_at(found: Iterable[FoundFrames], threshold: float) -> list[CueSource]:
    """Return the shots of spots at a threshold, from `MIN_CUT_THRESHOLD` to 100."""
    from ...media.shot_detection import choose_cuts  # noqa: PLC0415 - imports the decoders

    return [
        shot
        for spot, scored_frames in found
        for shot in split_spot(spot, choose_cuts(scored_frames, spot.span, threshold, min_shot_frames(spot.span.rate)))
    ]


def min_shot_frames(rate: Rate) -> int:
    """Return the minimum length of a shot in frames."""
    return max(1, rate.frames(exact_seconds(MIN_SHOT_SECONDS)))


@dataclass
class CutSearch:
    """A search for the cuts inside spots, several spots at a time. It starts at once, in threads of its own.

    Attributes:
        spots: the spots to split.
        proxy_spec: the format of the shots' proxies, if any: frames that are decoded for the search are kept in that format.
        found: the result, in the order of the spots.
        error: the error that ended the search.
    """

    spots: list[CueSource]
    proxy_spec: ProxySpec | None = None
    found: list[FoundFrames] = field(default_factory=list)
    error: TracklayError | None = None

    def __post_init__(self) -> None:
        self._cancel_token = CancelToken()
        # One Blender at a time renders: each uses all cores and as much memory as this one.
        self._render_lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="tracklay-cuts", daemon=True)
        self._thread.start()

    @property
    def is_finished(self) -> bool:
        """True once the search has found all cuts, failed or been cancelled."""
        return not self._thread.is_alive()

    def wait(self) -> list[FoundFrames]:
        """Block until the search ends, and return what was found.

        Raises:
            TracklayError: a picture cannot be read.
        """
        self._thread.join()
        if self.error:
            raise self.error
        return self.found

    def cancel(self) -> None:
        """Cancel the search and wait for its threads."""
        self._cancel_token.cancel()
        self._thread.join()

    def _run(self) -> None:
        # Imported here, not with the extension: asyncio and the decoders take longer to import than all panels.
        from ...jobs.failures import internal_error  # noqa: PLC0415
        from ...jobs.scheduler import DEFAULT_LIMITS  # noqa: PLC0415

        try:
            with (
                tempfile.TemporaryDirectory(prefix="tracklay-") as folder,
                ThreadPoolExecutor(DEFAULT_LIMITS["extract"], "tracklay-cuts") as pool,
                contextlib.ExitStack() as on_exit,
            ):
                # The stack is left before the pool, which waits for its threads: after an error the others are cancelled.
                on_exit.callback(self._cancel_token.cancel)
                self.found += pool.map(lambda spot: self._find_frames(spot, Path(folder)), self.spots)
        except Cancelled:
            pass
        except TracklayError as error:
            self.error = error
        except Exception as error:  # noqa: BLE001 - a bug in this thread must reach the user as well
            self.error = internal_error(error)

    def _find_frames(self, spot: CueSource, folder: Path) -> FoundFrames:
        from ...media.shot_detection import find_cuts  # noqa: PLC0415 - imports the decoders

        found = FoundFrames(spot, [])
        with self._render_lock if spot.picture.render else contextlib.nullcontext():
            find_cuts(
                spot.picture,
                spot.span,
                folder,
                min_shot_frames=min_shot_frames(spot.span.rate),
                proxy_spec=self.proxy_spec,
                cancel_token=self._cancel_token,
                scored_frames=found.scored_frames,
            )
        return found


class TRACKLAY_OT_cues_from_cuts(ModalOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801 - Blender's own naming
    """Generate sound for each shot of the selection or preview range.

    While it looks for cuts inside strips it runs modally: the user keeps working, and Esc cancels. From a menu, a dialog then shows how
    many it found, with the threshold, before any is made.
    """

    bl_idname = "tracklay.cues_from_cuts"
    bl_label = "Generate Cues from Cuts"
    bl_options = {"REGISTER"}
    __annotations__ = {
        "detect": BoolProperty(
            name="Within Strips", description="Also find the cuts inside each strip's picture", default=True
        ),
        "threshold": THRESHOLD_ARGUMENT,
        "wait": WAIT_ARGUMENT,
    }
    asks_first = False

    def invoke(self, context: Any, _event: Any) -> AbstractSet[str]:
        """Find the cuts, then ask before they are made."""
        self.asks_first = self.detect
        return self.execute(context)

    def execute(self, context: Any) -> AbstractSet[str]:
        scene = compat.active_sequencer_scene(context)
        try:
            spots = spot_shots(scene)
            if not self.detect:
                return submit_shots(self, scene, spots, wait=self.wait)
            copies = timeline_copy.TimelineCopies()
            spots = [replace(spot, picture=copies.with_copy(spot.picture)) for spot in spots]
            self._search = CutSearch(spots, shot_proxy_spec(scene.tracklay))
            # The scene itself may be freed while the search runs, by undo for one: its UID finds it again.
            self._scene_uid = scene.session_uid
            if self.wait or bpy.app.background:
                return submit_shots(self, scene, shots_at(self._search.wait(), self.threshold), wait=self.wait)
        except TracklayError as error:
            return self.report_error(error)
        return self.start_modal(context, self._search, translate_ui("Finding cuts …  Esc: Cancel"))

    def finish(self, _context: Any) -> AbstractSet[str]:
        scene = next((scene for scene in bpy.data.scenes if scene.session_uid == self._scene_uid), None)
        if scene is None:
            return {"CANCELLED"}
        found = self._search.wait()
        if self.asks_first:
            _found_frames[:] = found
            bpy.ops.tracklay.cues_from_found_cuts("INVOKE_DEFAULT", threshold=self.threshold)
            return {"FINISHED"}
        return submit_shots(self, scene, shots_at(found, self.threshold), wait=self.wait)


def submit_shots(operator: Any, scene: Any, shots: list[CueSource], *, wait: bool) -> AbstractSet[str]:
    """Submit a cue for each shot and return the operator's result.

    Raises:
        TracklayError: one of the cues cannot be submitted; none was.
    """
    settings = scene.tracklay
    cues = [(build_cue(shot, settings), shot) for shot in shots]
    return submit_cues(operator, cues, wait=wait, repair=settings.repair)


_found_frames: list[FoundFrames] = []
"""What the last search found, for the dialog."""


class TRACKLAY_OT_cues_from_found_cuts(TracklayOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Generate sound for each shot that was found."""

    bl_idname = "tracklay.cues_from_found_cuts"
    bl_label = "Generate Cues from Cuts"
    bl_options = {"REGISTER", "INTERNAL"}
    __annotations__ = {"threshold": THRESHOLD_ARGUMENT}

    def invoke(self, context: Any, _event: Any) -> AbstractSet[str]:
        """Show how many shots there are at the threshold."""
        result: AbstractSet[str] = context.window_manager.invoke_props_dialog(
            self, title=translate_ui("Generate Cues from Cuts"), confirm_text=translate_ui("Generate")
        )
        return result

    def draw(self, context: Any) -> None:
        scene = compat.active_sequencer_scene(context)
        shots = shots_at(_found_frames, self.threshold)
        self.layout.prop(self, "threshold", slider=True)
        self.layout.label(text=translate_ui("Shots found: {}", len(shots)), translate=False, icon="SEQUENCE")
        model = catalogue.MODELS.get(scene.tracklay.model)
        ranges = [(None, shot.span.start, shot.span.frames) for shot in shots]
        if model is not None and (found := estimates.estimate_ranges(scene, model, ranges)):
            self.layout.label(text=found.text, translate=False, icon="MOD_ARRAY")

    def execute(self, context: Any) -> AbstractSet[str]:
        scene = compat.active_sequencer_scene(context)
        try:
            result = submit_shots(self, scene, shots_at(_found_frames, self.threshold), wait=False)
        except TracklayError as error:
            return self.report_error(error)
        _found_frames.clear()
        return result


CLASSES = (TRACKLAY_OT_cues_from_cuts, TRACKLAY_OT_cues_from_found_cuts)
