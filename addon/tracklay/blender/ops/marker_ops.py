"""The operator Generate Effects at Markers: a sound effect on the frame of each marker."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import bpy
from bpy.props import BoolProperty, FloatProperty, StringProperty

from ...errors import InvalidInput, TracklayError
from ...timing import Span
from ..runtime.requests import build_cue, submit_cues
from ..sequencer import compat, prompts, selection
from ..settings import catalogue, properties
from .common import SKIP_SAVE, WAIT_ARGUMENT, TracklayOperator, exact_seconds

if TYPE_CHECKING:
    from ...cue import Cue
    from ...models import Model
    from ...timing import Rate
    from ..sequencer.selection import CueSource

DEFAULT_EFFECT_SECONDS, MAX_EFFECT_SECONDS = 2.0, 10.0
"""Length of an effect that no marker follows, and the maximum of the others: a slam before a long pause is still short."""


def find_effect_model(settings: Any, model_id: str) -> Model:
    """Return the model for effects: the given one, else the scene's unless it makes music, else the built-in one.

    Raises:
        InvalidInput: there is no such model.
    """
    if model_id:
        return catalogue.get_model(model_id)
    scene_model = catalogue.get_model(settings.model)
    return catalogue.get_model(properties.DEFAULT_MODEL) if scene_model.task == "music" else scene_model


def find_effect_markers(scene: Any) -> list[tuple[int, str]]:
    """Return frame and name of the markers that are named `sfx: …`, else of the selected ones; one per frame, in order.

    Of the named ones, only those that are selected count if any is: Blender selects each new marker, whatever its name.

    Raises:
        InvalidInput: there are none.
    """
    markers = list(scene.timeline_markers)
    named = [marker for marker in markers if prompts.is_sound_marker(marker.name)]
    chosen = [marker for marker in named or markers if marker.select] or named
    if not chosen:
        raise InvalidInput("marker.none_found", "No markers to use. Select some, or name them like `sfx: door slam`.")
    return sorted({marker.frame: marker.name for marker in chosen}.items())


def effect_lengths(frames: list[int], rate: Rate, *, until_next: bool, seconds: float, longest: float) -> list[int]:
    """Return the length of each effect in frames.

    Args:
        frames: the effects' first frames, in order.
        rate: the timeline's frame rate.
        until_next: end each effect at the next one, after `longest` seconds at most; the last one lasts `seconds`.
        seconds: the length of every effect without `until_next`.
        longest: the maximum length in seconds.
    """
    default = max(1, rate.frames(exact_seconds(seconds)))
    if not until_next:
        return [default] * len(frames)
    maximum = max(1, rate.frames(exact_seconds(longest)))
    return [*(min(after - frame, maximum) for frame, after in pairwise(frames)), default]


def spot_marker(scene: Any, model: Model, frame: int, frames: int, name: str) -> CueSource:
    """Return the spot of an effect: the picture that is visible on its frame.

    A model that looks at the picture gets no more than that shot. One that only reads the prompt may ring over the next cut.

    Args:
        scene: the scene with the timeline.
        model: the model that makes the effect. Its maximum length is respected.
        frame: the effect's first frame.
        frames: the length that is wanted.
        name: the marker's name, for errors.

    Raises:
        InvalidInput: there is no picture on that frame, or it cannot be read.
    """
    level, rate = selection.active_level(scene), selection.scene_rate(scene)
    if model.seconds.most is not None:
        frames = min(frames, int(Fraction(model.seconds.most) * rate.fps))
    parts = [] if level is None else list(selection.topmost_ranges(level, frame, frame + frames))
    # The first visible range may begin later, where the marker stands before a strip.
    if not parts or parts[0][1] != frame:
        raise InvalidInput(
            "marker.no_picture",
            "No picture under the marker {name} at frame {frame}. Move it over a strip, or deselect it.",
            name=name,
            frame=frame,
        )
    (spot,) = selection.spot_ranges(scene, parts[:1])
    uses_picture = model.picture_input(properties.param_values(scene.tracklay.params, model))
    return spot if uses_picture else replace(spot, span=Span(frame, frames, rate))


class TRACKLAY_OT_effects_at_markers(TracklayOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801 - Blender's own naming
    """Generate a sound effect at each `sfx:` (else each selected) marker.

    The marker's name is the prompt, and the take is laid on the marker's frame.
    """

    bl_idname = "tracklay.effects_at_markers"
    bl_label = "Generate Effects at Markers"
    bl_options = {"REGISTER"}
    __annotations__ = {
        "model": StringProperty(name="Model", description="Model ID; empty for the scene's model", options=SKIP_SAVE),
        "by_gap": BoolProperty(
            name="Until Next Marker", description="End each effect at the next marker", default=True
        ),
        "seconds": FloatProperty(
            name="Length",
            description="Length of the last effect, or of all without Until Next Marker",
            default=DEFAULT_EFFECT_SECONDS,
            min=0.1,
            soft_max=30.0,
            unit="TIME_ABSOLUTE",
        ),
        "longest": FloatProperty(
            name="Maximum Length",
            description="Maximum length of an effect with Until Next Marker",
            default=MAX_EFFECT_SECONDS,
            min=0.1,
            soft_max=60.0,
            unit="TIME_ABSOLUTE",
        ),
        "wait": WAIT_ARGUMENT,
    }

    def execute(self, context: Any) -> AbstractSet[str]:
        scene = compat.active_sequencer_scene(context)
        try:
            cues = list(self._marker_cues(scene))
            return submit_cues(self, cues, wait=self.wait, repair=scene.tracklay.repair)
        except TracklayError as error:
            return self.report_error(error)

    def _marker_cues(self, scene: Any) -> Iterator[tuple[Cue, CueSource]]:
        markers, settings = find_effect_markers(scene), scene.tracklay
        model = find_effect_model(settings, self.model)
        lengths = effect_lengths(
            [frame for frame, _ in markers],
            selection.scene_rate(scene),
            until_next=self.by_gap,
            seconds=self.seconds,
            longest=self.longest,
        )
        for (frame, name), length in zip(markers, lengths, strict=True):
            spot = spot_marker(scene, model, frame, length, name)
            prompt = prompts.marker_prompt(name)
            # A marker with Blender's default name has no prompt of its own: the scene's is used.
            yield build_cue(spot, settings, model=model.id, **({"prompt": prompt} if prompt else {})), spot


CLASSES = (TRACKLAY_OT_effects_at_markers,)
