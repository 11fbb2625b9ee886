"""The plan of a mix: for each sound its kind, its level and its gain curve, and for the whole the gain to the target. All of it is JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from .gain_curve import SILENCE_DB, UNITY, GainCurve
from .kinds import Kind, KindOrigin  # noqa: TC001 - parts of value types
from .layouts import STEREO
from .notes import MixNote


@dataclass(frozen=True, slots=True)
class SoundPlan:
    """The treatment of one sound in a mix.

    Attributes:
        id: identifier of the sound, as its source has it.
        name: what the user calls it.
        kind: its kind.
        kind_from: how the kind was found.
        start: first sample on the mix's timeline.
        samples: its length.
        loudness: LUFS before the mix: of the speech of dialogue, of the whole of other sounds, its own volume included.
        level_db: gain in decibels to the level of its kind.
        curve: level, duck and fades, without the gain of the whole (`MixPlan.master_db`). It replaces no volume of the user's: it is
            multiplied with it.
        speech: (start, stop) of each stretch in which someone speaks, in samples of the mix's timeline.
        handles: samples of its file that it plays before its start and after its end, in the fades there.
    """

    id: str
    name: str
    kind: Kind
    kind_from: KindOrigin
    start: int
    samples: int
    loudness: float
    level_db: float
    curve: GainCurve
    speech: tuple[tuple[int, int], ...] = ()
    handles: tuple[int, int] = (0, 0)

    @property
    def heard_span(self) -> tuple[int, int]:
        """The first sample that is heard of it and the one after the last."""
        before, after = self.handles
        return self.start - before, self.start + self.samples + after

    def to_dict(self) -> dict[str, Any]:
        """Return the plan of the sound as JSON holds it."""
        lists = {"speech": [list(span) for span in self.speech], "handles": list(self.handles)}
        return {**asdict(self), "curve": self.curve.to_list(), **lists}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> SoundPlan:
        """Rebuild it from `to_dict`."""
        speech = tuple((int(start), int(stop)) for start, stop in data["speech"])
        before, after = data.get("handles", (0, 0))
        curve = GainCurve.from_list(data["curve"])
        return cls(**{**data, "curve": curve, "speech": speech, "handles": (before, after)})


@dataclass(frozen=True, slots=True)
class MixMeasures:
    """Measurements of a mix.

    Attributes:
        lufs: integrated loudness (ITU-R BS.1770), None if it is silent.
        true_peak: highest true peak in dBTP.
        dialogue_over_music: LU between dialogue and music while someone speaks; None if one of them is missing there.
        limiting_db: most decibels that the limiter takes away.
    """

    lufs: float | None
    true_peak: float
    dialogue_over_music: float | None
    limiting_db: float = 0.0


UNMEASURED = MixMeasures(None, SILENCE_DB, None)
"""The measures of a mix that was not rendered, which are those of silence."""


@dataclass(frozen=True, slots=True)
class MixPlan:
    """The plan of a whole mix.

    Attributes:
        preset: name of the preset.
        target_lufs: integrated loudness wanted.
        true_peak_db: highest true peak allowed, dBTP.
        samples: length of the mix's timeline.
        sounds: the plan of each sound.
        master_db: decibels for the whole, after the curves and before the limiter.
        limiter: gain of the limiter after that, in steps of 10 ms and nowhere above it: with it a host without a limiter keeps the ceiling.
        measures: of the mix as planned, after the limiter; `UNMEASURED` until it was rendered.
        notes: sentences for the user.
        channels: of the mix: 1, 2, or 6 for 5.1.
    """

    preset: str
    target_lufs: float
    true_peak_db: float
    samples: int
    sounds: tuple[SoundPlan, ...]
    master_db: float = 0.0
    limiter: GainCurve = UNITY
    measures: MixMeasures = UNMEASURED
    notes: tuple[MixNote, ...] = field(default=())
    channels: int = STEREO

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as JSON holds it: the command prints it, a worker replies with it."""
        return {
            **{name: getattr(self, name) for name in ("preset", "target_lufs", "true_peak_db", "samples", "master_db")},
            "sample_rate": 48_000,
            "channels": self.channels,
            "limiter": self.limiter.to_list(),
            "sounds": [sound.to_dict() for sound in self.sounds],
            "measures": asdict(self.measures),
            "notes": [str(note) for note in self.notes],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> MixPlan:
        """Rebuild the plan from `to_dict`."""
        return cls(
            data["preset"],
            data["target_lufs"],
            data["true_peak_db"],
            data["samples"],
            tuple(SoundPlan.from_dict(sound) for sound in data["sounds"]),
            data["master_db"],
            GainCurve.from_list(data["limiter"]),
            MixMeasures(**data["measures"]),
            tuple(MixNote(text) for text in data["notes"]),
            data.get("channels", STEREO),
        )
