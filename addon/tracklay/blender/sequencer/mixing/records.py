"""Records of a mix in the file: for each strip its own volume and our keys, and for the scene what was measured."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ....errors import TracklayError

if TYPE_CHECKING:
    from collections.abc import Sequence

    Key = tuple[float, float]

STRIP_PROPERTY = "tracklay_mixed"
"""Custom property of a strip with keys of ours: `StripRecord` as JSON."""

SCENE_PROPERTY = "tracklay_mix_result"
"""Custom property of a mixed scene: `SceneRecord` as JSON."""


@dataclass(frozen=True, slots=True)
class StripRecord:
    """The mix of a strip. The field names are JSON keys in saved files and must not change.

    Attributes:
        volume: its own volume, before the mix.
        keys: (frame, volume) of each key of ours, exactly as Blender holds it. A key with another value was changed by the user.
        kind: the kind that was found.
        kind_from: how.
        has_own_curve: the volume had keys of the user's before the mix: it keeps its level, and only ducks are ours.
    """

    volume: float
    keys: Sequence[Key] = ()
    kind: str = ""
    kind_from: str = ""
    has_own_curve: bool = False

    def to_text(self) -> str:
        """Return it as the strip's property holds it."""
        return json.dumps({name: getattr(self, name) for name in self.__slots__})


def read_record(strip: Any) -> StripRecord | None:
    """Return the record of a strip; None if it has none, or one that was edited by hand."""
    try:
        held = json.loads(str(strip[STRIP_PROPERTY]))
        keys = tuple((float(frame), float(volume)) for frame, volume in held["keys"])
        return StripRecord(
            float(held["volume"]),
            keys,
            str(held.get("kind", "")),
            str(held.get("kind_from", "")),
            bool(held.get("has_own_curve")),
        )
    except (KeyError, ValueError, TypeError, RecursionError):
        return None


@dataclass(frozen=True, slots=True)
class SceneRecord:
    """The last mix of a scene.

    Attributes:
        preset: name of the preset.
        lufs: integrated loudness, None if silent.
        true_peak: dBTP.
        dialogue_over_music: LU; None if there is no music under speech.
        limiting_db: most decibels that the keys take away around peaks.
        timeline: fingerprint of the timeline that was mixed (`fingerprint.timeline_steps`).
        notes: what the user should read.
        has_action: the scene's action was made by Mix.
        volumes: fingerprint of the volumes after the mix (`fingerprint.volume_steps`); empty while it is written.
    """

    preset: str
    lufs: float | None
    true_peak: float
    dialogue_over_music: float | None
    limiting_db: float
    timeline: str
    notes: tuple[TracklayError, ...] = field(default=())
    has_action: bool = False
    volumes: str = ""

    def write(self, scene: Any) -> None:
        """Store it in a scene."""
        plain = {name: getattr(self, name) for name in self.__slots__}
        scene[SCENE_PROPERTY] = json.dumps({**plain, "notes": [note.to_dict() for note in self.notes]})


def read_scene_record(scene: Any) -> SceneRecord | None:
    """Return the record of a scene's last mix; None if it has none that can be read."""
    try:
        held = json.loads(str(scene[SCENE_PROPERTY]))
        return SceneRecord(**{**held, "notes": tuple(TracklayError.from_dict(note) for note in held["notes"])})
    except (KeyError, ValueError, TypeError, RecursionError):
        return None
