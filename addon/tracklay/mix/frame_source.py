"""A sound of a host that holds one volume for each frame, and the files that the host and the process that mixes share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from .sources import MixSource

if TYPE_CHECKING:
    from .frame_gains import Key

SOURCES_FILE: Final = "sources.jsonl"
"""Name of the file with a line for each sound: `FramedSource.to_dict`."""

KEYS_FILE: Final = "keys.jsonl"
"""Name of the file with a line for each sound that was read: `id`, `kind`, `kind_from`, `keeps_level`, and `keys`, (frame, volume) with
straight lines between them; None of a sound that is fixed."""

PROGRESS_FILE: Final = "progress.txt"
"""Name of the file with the part that is done, from 0 to 1."""


@dataclass(frozen=True, slots=True)
class FramedSource:
    """A sound as the host has it. Frames count from the first of the mix.

    Attributes:
        source: the sound, without a volume.
        first: its first frame.
        stop: the first frame after it.
        edges: whether it begins and ends there itself; False where the mix cuts it off.
        volumes: (frame, volume) with straight lines between them: what the user did to its volume.
        gain: what the host multiplies the volume with, apart from the mix.
        is_mono: the host mixes its channels to one.
        is_fixed: it is heard as it is, and gets no keys.
        ducked: (first frame, last frame, volume) of the stretches in which a volume that the user has animated stays the same. If there
            are any, the sound keeps its level, and ducks in these stretches are all that is written.
        pinned: stretches in which the user's own keys are: (first frame, last frame, their keys). None of ours is strictly between.
    """

    source: MixSource
    first: int
    stop: int
    edges: tuple[bool, bool] = (True, True)
    volumes: tuple[Key, ...] = ((0, 1.0),)
    gain: float = 1.0
    is_mono: bool = False
    is_fixed: bool = False
    ducked: tuple[tuple[int, int, float], ...] = ()
    pinned: tuple[tuple[float, float, tuple[tuple[float, float], ...]], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        plain = {name: getattr(self, name) for name in self.__slots__ if name != "source"}
        return {**plain, "source": self.source.to_dict()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> FramedSource:
        """Rebuild it from `to_dict`."""
        volumes = tuple((int(frame), float(volume)) for frame, volume in data["volumes"])
        edges = bool(data["edges"][0]), bool(data["edges"][1])
        pinned = tuple((float(a), float(b), tuple((f, v) for f, v in keys)) for a, b, keys in data["pinned"])
        ducked = tuple((int(a), int(b), float(volume)) for a, b, volume in data["ducked"])
        source = MixSource.from_dict(data["source"])
        return cls(**{**data, "source": source, "edges": edges, "volumes": volumes, "ducked": ducked, "pinned": pinned})
