"""Cues that a script waits for: their takes are laid together, when the last one has arrived, as one undo step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import bpy

from ...errors import TracklayError
from ..sequencer import placement, takes
from ..settings.i18n.translate import translate_error
from .cue_status import running_cues

if TYPE_CHECKING:
    from ...cue import Take
    from ..sequencer.cue_index import CueRequest
    from ..sequencer.selection import CueSource
    from .cue_status import TakeKey


@dataclass(slots=True)
class BlockingBatch:
    """Cues without placeholders, and what has arrived of them.

    Attributes:
        spots: the spot of each cue, by cue id.
        requests: the request that a cue's strips store, by cue id.
        pending: takes that are still running.
        on_placed: called when the strips exist, within the same undo step.
        received: takes that have arrived.
        laid_strips: names of the strips that were laid.
        errors: messages, each with the name of its strip.
        notes: messages of what was left out, and is no failure.
    """

    spots: dict[str, CueSource]
    requests: dict[str, CueRequest]
    pending: set[TakeKey]
    on_placed: Callable[[], None] | None = None
    received: list[tuple[TakeKey, Take]] = field(default_factory=list)
    laid_strips: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add_error(self, cue_id: str, message: str) -> None:
        """Add an error of a cue; the same message only once."""
        sentence = f"{self.spots[cue_id].strip_name}: {message}"
        if sentence not in self.errors:
            self.errors.append(sentence)

    def lay(self, mark_laid: Callable[[Sequence[Take]], None]) -> None:
        """Lay all takes that have arrived. What cannot be laid is added to `errors`.

        Args:
            mark_laid: notes in the ledger that a take is on the timeline.
        """
        changed_scenes: set[int] = set()
        order = list(self.spots)
        for (cue_id, index), take in sorted(self.received, key=lambda each: (order.index(each[0][0]), each[0][1])):
            spot = self.spots[cue_id]
            try:
                self.laid_strips.append(placement.lay_take(spot, take, index, self.requests[cue_id]))
            except TracklayError as error:
                self.add_error(cue_id, translate_error(error))
                if status := running_cues().get(cue_id):
                    status.errors[index], status.failure_states[index] = error, "failed"
            else:
                mark_laid([take])
                changed_scenes.add(spot.scene_uid)
        if self.on_placed is not None:
            self.on_placed()
        for scene in bpy.data.scenes:
            if scene.session_uid in changed_scenes:
                takes.on_takes_filled(scene, self.laid_strips)
                placement.push_undo(scene, placement.UNDO_LAY)
