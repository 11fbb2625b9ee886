"""The sounds of a scene: which file plays when, how loud the user made it, and who it is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .gain_curve import UNITY, GainCurve
from .kinds import Kind, KindOrigin, kind_of_name
from .layouts import to_layout

if TYPE_CHECKING:
    import numpy.typing as npt

    from .decoded_sound import SoundReader

    Samples = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class MixSource:
    """One sound of a scene. Positions are in samples at `SAMPLE_RATE`.

    Attributes:
        id: identifier, unique in the scene: `A1`, a strip's name.
        name: what the user calls it.
        file: its file.
        start: its first sample on the mix's timeline.
        samples: its length.
        offset: sample of the file at which it begins.
        stream: number of the audio stream among all streams of the file; None: the first audio stream.
        zero: time of sample 0 on the file's clock, in seconds.
        kind: its kind if it is known; None: it is found.
        kind_from: how a known kind is known.
        track: its track. Effects of one track keep their levels to each other, all other sounds are levelled one by one.
        volume: what the user does to its level. It stays, and the mix comes on top of it.
        has_handles: what its file has beyond its edges may be heard in fades there.
    """

    id: str
    name: str
    file: Path
    start: int
    samples: int
    offset: int = 0
    stream: int | None = None
    zero: Fraction = Fraction(0)
    kind: Kind | None = None
    kind_from: KindOrigin = "set"
    track: str = ""
    volume: GainCurve = UNITY
    has_handles: bool = False

    @property
    def stop(self) -> int:
        """The first sample after it on the mix's timeline."""
        return self.start + self.samples

    def known_kind(self) -> tuple[Kind, KindOrigin] | None:
        """Return the kind that is known without listening: the given one, else that of the names; None if neither says one."""
        if self.kind is not None:
            return self.kind, self.kind_from
        for name in (self.track, self.name):
            if kind := kind_of_name(name):
                return kind, "name"
        return None

    def to_dict(self) -> dict[str, Any]:
        """Return the source as JSON holds it: a worker receives it."""
        plain = {name: getattr(self, name) for name in ("id", "name", "start", "samples", "offset", "stream", "track")}
        plain["has_handles"] = self.has_handles
        return plain | {
            "file": str(self.file),
            "zero": str(self.zero),
            "kind": self.kind,
            "kind_from": self.kind_from,
            "volume": self.volume.to_list(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> MixSource:
        """Rebuild it from `to_dict`; what is left out has its default."""
        changed = {"file": Path(data["file"]), "zero": Fraction(data.get("zero", 0))}
        if "volume" in data:
            changed["volume"] = GainCurve.from_list(data["volume"])
        return cls(**{**data, **changed})


class SourceReader:
    """The samples of one source on the mix's timeline, in the channels of the mix, with the user's volume and without NaN."""

    def __init__(self, source: MixSource, sound: SoundReader, channels: int) -> None:
        self.source, self._sound, self._channels = source, sound, channels
        self._has_volume = source.volume != UNITY

    def handles(self) -> tuple[int, int]:
        """Return the samples that the file has before and after the source, 0 if they may not be heard."""
        if not self.source.has_handles:
            return 0, 0
        offset = self.source.offset
        return max(0, offset), max(0, self._sound.samples - offset - self.source.samples)

    def read(self, start: int, stop: int) -> Samples:
        """Return the samples of a stretch of the timeline, (samples, channels): of the file beyond the source's edges, too."""
        return self.read_checked(start, stop)[0]

    def read_checked(self, start: int, stop: int) -> tuple[Samples, int]:
        """Return the samples of a stretch, and how many of the file's are no number or infinite."""
        shift = self.source.offset - self.source.start
        raw = self._sound.read(start + shift, stop + shift)
        invalid = 0
        if not math.isfinite(float(raw.sum(dtype=np.float64))):
            is_number = np.isfinite(raw)
            invalid = raw.size - int(np.count_nonzero(is_number))
            raw = np.where(is_number, raw, np.float32(0))
        samples = to_layout(raw, self._channels)
        if self._has_volume:
            gains = self.source.volume.gains(start, stop)
            samples = (samples * (gains if isinstance(gains, float) else gains[:, None])).astype(np.float32)
        return samples, invalid
