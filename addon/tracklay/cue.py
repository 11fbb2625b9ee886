"""What is asked for and what came of it: the Cue, the Take, and the manifest that both are written to."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

from .atomic_io import atomic_write
from .errors import InvalidInput, TracklayError
from .version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from .timing import Rate, Span, TimeMap

ParamValue = str | int | float | bool
"""What a model's parameter may hold."""

SAMPLE_RATE = 48_000
"""Hz, of takes. Blender's default, and picture's rate everywhere."""


@dataclass(frozen=True, slots=True)
class EditorRender:
    """A picture that only its editor can show: its own program renders it, in a process of its own, from a copy of the timeline.

    Args:
        program: the command that runs a script of ours inside the editor; the script and its argument come after it.
        scene: which timeline of the copy.
        strip: what of it is meant: everything else on the timeline is left out.
        timeline_copy: the file; None until it was written.
    """

    program: tuple[str, ...]
    scene: str
    strip: str
    timeline_copy: Path | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """What plays: a source, and which of its seconds (from its first frame) is on each timeline frame.

    Args:
        source: a video file or a still; with `images`, the folder that they are in; with `render`, no more than its name.
        time_map: where the source is on each timeline frame.
        images: the file names of a sequence of images, in order: image `n` begins at `n / rate` seconds.
        rate: the frames a second that the timeline counts the source by; of a file None, where it is the file's own.
        error: why it cannot be read and the mend, in a sentence; where it says something, nothing can be made for it.
        render: how it is rendered, where it is not read from its source.
        reason: why it is read or rendered, in a phrase; empty where there was no choice.
    """

    source: Path
    time_map: TimeMap
    images: tuple[str, ...] = ()
    rate: Rate | None = None
    error: str = ""
    render: EditorRender | None = None
    reason: str = ""


class ProxySpec(NamedTuple):
    """What the picture that a model is shown must be like.

    Args:
        short_side: pixels of its shorter side, where the source has as many.
        square: how it is cut to a square (`media.square`); empty: not at all.
        least: seconds that it must last at least.
    """

    short_side: int
    square: str = ""
    min_seconds: Fraction = Fraction(0)


@dataclass(frozen=True, slots=True)
class Cue:
    """A span of picture and the sound that is wanted under it.

    `id` names it within its timeline; `seed` is None where each take draws its own; `params` are the model's, as the person set them.
    `square` says which square of the picture the model is shown (`media.square`), empty where it is shown all of it.
    """

    id: str
    span: Span
    picture: Picture
    model: str
    prompt: str = ""
    negative: str = ""
    seed: int | None = None
    takes: int = 1
    params: Mapping[str, ParamValue] = field(default_factory=dict)
    square: str = ""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a take cost. `amount` is a decimal number as text (money is no float), None where nobody knows."""

    amount: str | None
    currency: str
    estimated: bool


@dataclass(frozen=True, slots=True)
class Take:
    """One conformed sound for a cue. `file` and `stems` lie side by side; `understood` is what the model made of the prompt.

    `job_id` is its row in the ledger.
    """

    cue: Cue
    number: int
    provider: str
    version: str
    request: str
    seed: int | None
    params: Mapping[str, ParamValue]
    file: Path
    sha256: str
    sample_rate: int
    channels: int
    samples: int
    cost: Cost
    licence: str
    source_sha256: str
    created: str
    stems: Mapping[str, Path] = field(default_factory=dict)
    understood: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    job_id: int | None = None

    @classmethod
    def from_manifest_entry(cls, entry: Mapping[str, Any], cue: Cue, folder: Path, job_id: int | None = None) -> Take:
        """A take again that a manifest tells of, made for `cue` and lying in `folder`."""
        same = ("provider", "version", "request", "seed", "params", "sha256", "sample_rate", "channels", "samples")
        return cls(
            cue=cue,
            number=entry["take"],
            file=folder / entry["file"],
            cost=Cost(**entry["cost"]),
            licence=entry["licence"],
            source_sha256=entry["source_sha256"],
            created=entry["created"],
            stems={name: folder / file for name, file in entry.get("stems", {}).items()},
            understood=entry.get("understood", {}),
            notes=tuple(entry.get("notes", ())),
            job_id=job_id,
            **{name: entry[name] for name in same},
        )

    def to_manifest_entry(self) -> dict[str, Any]:
        """The take as the manifest holds it (DESIGN.md, section 3), with stems, what was understood, and notes beside."""
        cue = self.cue
        return {
            "cue": cue.id,
            "take": self.number,
            "model": cue.model,
            "provider": self.provider,
            "version": self.version,
            "request": self.request,
            "seed": self.seed,
            "prompt": cue.prompt,
            "negative": cue.negative,
            "params": dict(self.params),
            "file": self.file.name,
            "sha256": self.sha256,
            "sample_rate": self.sample_rate,
            "channels": self.channels,
            "samples": self.samples,
            "start": {"frame": cue.span.start, "seconds": _fraction_text(cue.span.start_seconds)},
            "frames": cue.span.frames,
            "cost": {"amount": self.cost.amount, "currency": self.cost.currency, "estimated": self.cost.estimated},
            "licence": self.licence,
            "source_sha256": self.source_sha256,
            "created": self.created,
            "stems": {name: path.name for name, path in self.stems.items()},
            "understood": dict(self.understood),
            "notes": list(self.notes),
            "picture_by": {"way": "render" if cue.picture.render else "source", "why": cue.picture.reason},
        }


@dataclass(frozen=True, slots=True)
class Failure:
    """A take that did not come to be, and why."""

    cue: Cue
    error: TracklayError

    def to_manifest_entry(self, describe: Callable[[TracklayError], str] = str) -> dict[str, Any]:
        """Return the failure as the manifest holds it. `describe` words the error, as the front end does."""
        return {
            "cue": self.cue.id,
            "model": self.cue.model,
            "error": describe(self.error),
            "kind": self.error.kind,
            "code": self.error.code,
        }


def build_manifest(
    picture: str,
    rate: Rate,
    takes: Sequence[Take],
    failed: Sequence[Failure],
    laid: Path | None,
    describe: Callable[[TracklayError], str] = str,
) -> dict[str, Any]:
    """What a run made, as it is printed and kept. `laid` is the picture with take 1 under it."""
    return {
        "tracklay": VERSION,
        "picture": picture,
        "rate": str(rate),
        "takes": [take.to_manifest_entry() for take in takes],
        "failed": [failure.to_manifest_entry(describe) for failure in failed],
        "laid": laid.name if laid else None,
    }


def read_manifest(path: Path) -> dict[str, Any]:
    """A manifest of ours.

    Raises:
        BadInput: the file is something else.
    """
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidInput(
            f"{path} is no manifest of Tracklay's: move it away or choose another folder with --to"
        ) from error
    if not isinstance(content, dict) or "tracklay" not in content or not isinstance(content.get("takes"), list):
        raise InvalidInput(f"{path} is no manifest of Tracklay's: move it away or choose another folder with --to")
    return content


def write_manifest(path: Path, new_manifest: dict[str, Any]) -> None:
    """Write a run's manifest; takes of earlier runs whose files are still there stay in it, before the new ones.

    Raises:
        BadInput: something that is no manifest has that name.
        OutputError: it cannot be written.
    """
    earlier: list[dict[str, Any]] = []
    if path.exists():
        made = {entry["file"] for entry in new_manifest["takes"]}
        earlier = [
            entry
            for entry in read_manifest(path)["takes"]
            if entry.get("file") not in made and (path.parent / str(entry.get("file"))).is_file()
        ]
    with atomic_write(path) as beside:
        beside.write_text(
            json.dumps({**new_manifest, "takes": earlier + new_manifest["takes"]}, indent=2, ensure_ascii=False) + "\n",
            "utf-8",
        )


def _fraction_text(value: Fraction) -> str:
    return f"{value.numerator}/{value.denominator}"
