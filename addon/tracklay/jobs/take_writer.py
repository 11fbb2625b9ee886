"""Makes takes of a kept output: each a file of exactly the span's samples, claimed in the ledger before it gets its name.

So a file that is there after a crash is known for what it is, and none is made twice.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, BinaryIO

from ..cue import Cost, Take
from ..media.bwf import Writer
from ..media.conform import conform
from ..paths import Numbered, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from ..media.ffmpeg import Stop
    from ..providers import Output
    from .job_spec import Order
    from .ledger import Job

HASH_BLOCK = 1 << 20

REUSED = "made before, as job {}: laid again from disk at no cost"


@dataclass(frozen=True, slots=True)
class Sound:
    """One sound of a job's output. `index` counts from 0; `origin` is the job that it was made for, when it was another one."""

    order: Order
    job: Job
    output: Output
    index: int
    origin: int | None

    @property
    def known(self) -> dict[str, Any]:
        """What can be said of the take before it is made."""
        output = self.output
        cost = output.cost if self.origin is None else Cost("0", output.cost.currency, estimated=False)
        return {
            "created": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            "seed": output.seed,
            "version": output.version,
            "cost": asdict(cost),
            "understood": dict(output.understood),
            "stems": list(output.stems),
        }

    def make(self, claim: Callable[[dict[str, Any]], None], after: int, *, stop: Stop) -> Take:
        """Write the take and its stems. Its number is the first free one above `after`.

        Args:
            claim: writes down for good what the take's file will be; called before it is there.
            after: the take's number is higher.
            stop: the person's wish to stop.

        Raises:
            OutputError, ModelFailed, MediaError, Cancelled: as `conform`, and where the folder cannot be written.
        """
        held = self.known
        place = Numbered(
            self.order.folder,
            self.order.take_name,
            after,
            lambda: claim({**held, "number": place.number, "file": place.path.name}),
        )
        unmade = taken(self.order, self.job, held)
        with place.writing() as beside:
            made = conform(self.output.file, unmade.samples, beside, _bwf(unmade), rate=unmade.sample_rate, stop=stop)
            notes = [*made.notes, *([] if self.origin is None else [REUSED.format(self.origin)])]
            held.update(sha256=file_hash(beside, stop=stop), channels=made.channels, notes=notes)
        take = taken(self.order, self.job, {**held, "number": place.number, "file": place.path.name})
        if hashes := self.make_stems(take, stop=stop):
            claim({**held, "number": place.number, "file": place.path.name, "stem_hashes": hashes})
        return take

    def make_stems(self, take: Take, *, stop: Stop) -> dict[str, str]:
        """Write a take's stems beside it; return their SHA-256 by file name."""
        bwf, hashes = _bwf(take), {}
        for name, path in take.stems.items():
            with whole(path) as beside:
                conform(self.output.stems[name], take.samples, beside, bwf, rate=take.sample_rate, stop=stop)
                hashes[path.name] = file_hash(beside, stop=stop)
        return hashes


def taken(order: Order, job: Job, claim: Mapping[str, Any]) -> Take:
    """The take that a claim tells of; before it is made, all but what its file will be."""
    folder, number = order.folder, int(claim.get("number", 0))
    return Take(
        cue=order.cue,
        number=number,
        provider=order.model.provider,
        version=claim["version"],
        request=job.request or "",
        seed=claim["seed"],
        params=order.cue.params,
        file=folder / str(claim.get("file", "")),
        sha256=claim.get("sha256", ""),
        sample_rate=order.sample_rate,
        channels=claim.get("channels", 0),
        samples=order.cue.span.samples(order.sample_rate),
        cost=Cost(**claim["cost"]),
        licence=order.model.licence.name,
        source_sha256=job.source or "",
        created=claim["created"],
        stems={name: folder / order.take_name(number, name) for name in claim["stems"]},
        understood=claim["understood"],
        notes=tuple(claim.get("notes", ())),
        job=job.id,
    )


def _bwf(take: Take) -> Callable[[BinaryIO, int], Writer]:
    """Makes the writer of a take's WAV, with all that traces it."""
    cue = take.cue
    without = ("take", "file", "sha256", "stems", "notes")
    traced = {key: value for key, value in take.entry().items() if key not in without} | {"job": take.job}

    def bwf(file: BinaryIO, channels: int) -> Writer:
        return Writer(
            file,
            channels,
            take.sample_rate,
            description=f"{cue.model} seed {take.seed}: {cue.prompt}",
            reference=take.request,
            made=datetime.fromisoformat(take.created),
            time_reference=cue.span.rate.samples(max(0, cue.span.start), take.sample_rate),
            history=json.dumps(traced | {"channels": channels}),
        )

    return bwf


def file_hash(path: Path, *, stop: Stop) -> str:
    """A file's SHA-256 as hexadecimal text."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(HASH_BLOCK):
            stop.check()
            digest.update(block)
    return digest.hexdigest()


def is_there(folder: Path, claim: Mapping[str, Any], *, stop: Stop) -> bool:
    """Whether a claimed file is there, whole. A name that was taken for it and never filled is given up."""
    path = folder / str(claim["file"])
    try:
        if path.stat().st_size == 0:
            with contextlib.suppress(OSError):
                path.unlink()
            return False
        return file_hash(path, stop=stop) == str(claim["sha256"])
    except OSError:
        return False
