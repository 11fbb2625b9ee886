"""The sounds of a scene as a mix needs them, and what the user says about their kinds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, get_args

from ...cue import SAMPLE_RATE
from ...errors import InvalidInput
from ...manifest import take_with_handles
from ...media.marks import mark_of_film
from ...mix.kinds import KINDS, kind_of_task
from ...mix.sources import MixSource
from ...source_type import TRAINED, SourceType
from ...timing import parse_fraction

if TYPE_CHECKING:
    from pathlib import Path

    from ...media.marks import XmpMark
    from ...mix.kinds import Kind
    from ...models import Model

LEFT_OUT = "off"
"""In place of a kind: the sound is not in the mix."""


@dataclass(frozen=True, slots=True)
class MixScene:
    """The sounds of a timeline, and its length in samples at `SAMPLE_RATE`.

    `origins` has the digital source type and the model of each generated sound, by its id.
    """

    sources: tuple[MixSource, ...]
    samples: int
    origins: Mapping[str, tuple[SourceType, str]] = field(default_factory=dict)

    def find_mark(self) -> XmpMark | None:
        """Return the mark of a mix of its sounds; None if none of them was generated."""
        generated = [self.origins[source.id] for source in self.sources if source.id in self.origins]
        return mark_of_film(generated) if generated else None


def parse_kinds(assignments: Sequence[str]) -> dict[str, str]:
    """Parse `SOUND=KIND` assignments.

    Raises:
        InvalidInput: one has no kind, or a kind is unknown.
    """
    kinds = {}
    for assignment in assignments:
        name, separator, kind = assignment.rpartition("=")
        if not separator or not name or kind.lower() not in (*KINDS, LEFT_OUT):
            raise InvalidInput(
                "mix.invalid_kind",
                "Invalid kind: {text}. Write SOUND=KIND with one of {kinds}.",
                text=assignment,
                kinds=", ".join((*KINDS, LEFT_OUT)),
            )
        kinds[name] = kind.lower()
    return kinds


def set_kinds(scene: MixScene, kinds: Mapping[str, str]) -> MixScene:
    """Return a scene whose sounds have the kinds that the user set: by the id, name, track or file name of a sound.

    Raises:
        InvalidInput: no sound has a name.
    """
    found: list[MixSource] = []
    unused = set(kinds)
    for source in scene.sources:
        names = {source.id, source.name, source.track, source.file.name, source.file.stem}
        name = next((name for name in kinds if name in names), None)
        unused -= names
        if name is None:
            found.append(source)
        elif kinds[name] != LEFT_OUT:
            found.append(replace(source, kind=kinds[name], kind_from="set"))  # type: ignore[arg-type]  # checked when parsed
    if unused:
        raise InvalidInput(
            "mix.unknown_sound",
            "No sound has this name: {name}. The sounds are {sounds}.",
            name=min(unused),
            sounds=", ".join(source.id for source in scene.sources) or "none",
        )
    return replace(scene, sources=tuple(found))


def find_origin(entry: Mapping[str, Any]) -> tuple[SourceType, str]:
    """Return the digital source type and the model of a take, as its manifest entry has them."""
    default: SourceType = "algorithmicMedia" if entry.get("provider") == "sketch" else TRAINED
    known = entry.get("digital_source_type")
    return (known if known in get_args(SourceType) else default), str(entry.get("model"))  # type: ignore[return-value]


def take_sources(
    entries: Sequence[Any], folder: Path, catalogue: Mapping[str, Model], first_number: int
) -> list[tuple[MixSource, tuple[SourceType, str]]]:
    """Return the takes of a manifest that play, with their origins: of takes of one kind at the same time, the newest one."""
    chosen: list[tuple[MixSource, tuple[SourceType, str]]] = []
    for entry in reversed(entries):
        if not isinstance(entry, dict) or not entry.get("heard", True):
            continue
        source = _take_source(entry, folder, catalogue)
        if source.file.is_file() and not any(_replaces(newer, source) for newer, _ in chosen):
            chosen.append((source, find_origin(entry)))
    chosen.sort(key=lambda each: each[0].start)
    return [(replace(source, id=f"A{number}"), origin) for number, (source, origin) in enumerate(chosen, first_number)]


def _take_source(entry: Mapping[str, Any], folder: Path, catalogue: Mapping[str, Model]) -> MixSource:
    name = str(entry.get("file"))
    model = str(entry.get("model"))
    known = catalogue.get(model)
    start = parse_fraction(entry["start"]["seconds"])
    samples = round(int(entry["samples"]) * SAMPLE_RATE / int(entry["sample_rate"]))
    kind: Kind | None = kind_of_task(known.task) if known else None
    file, before = take_with_handles(entry, folder)
    return MixSource(
        name,
        name,
        file,
        round(start * SAMPLE_RATE),
        samples,
        offset=before,
        kind=kind,
        kind_from="model",
        track=model,
        has_handles=file.name != name,
    )


def _replaces(newer: MixSource, older: MixSource) -> bool:
    """Return True if both are of one kind and play at the same time for more than half of the shorter one."""
    together = min(newer.stop, older.stop) - max(newer.start, older.start)
    return newer.kind == older.kind and 2 * together > min(newer.samples, older.samples)
