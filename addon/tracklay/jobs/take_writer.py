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

from ..atomic_io import NumberedFile, atomic_write
from ..cue import Cost, Take
from ..media.bwf import BwfWriter
from ..media.conform import conform_audio

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from ..media.ffmpeg import CancelToken
    from ..providers import Output
    from .job_spec import JobSpec
    from .ledger import Job

HASH_BLOCK_BYTES = 1 << 20

REUSED_NOTE = "made before, as job {}: laid again from disk at no cost"


@dataclass(frozen=True, slots=True)
class TakeWriter:
    """One sound of a job's output. `index` counts from 0; `origin_job_id` is the job that it was made for, when it was another one."""

    spec: JobSpec
    job: Job
    output: Output
    index: int
    origin_job_id: int | None

    @property
    def metadata(self) -> dict[str, Any]:
        """What can be said of the take before it is made."""
        output = self.output
        cost = output.cost if self.origin_job_id is None else Cost("0", output.cost.currency, estimated=False)
        return {
            "created": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            "seed": output.seed,
            "version": output.version,
            "cost": asdict(cost),
            "understood": dict(output.understood),
            "stems": list(output.stems),
        }

    def write_take(
        self, record_claim: Callable[[dict[str, Any]], None], after_number: int, *, cancel_token: CancelToken
    ) -> Take:
        """Write the take and its stems. Its number is the first free one above `after_number`.

        Args:
            record_claim: writes down for good what the take's file will be; called before it is there.
            after_number: the take's number is higher.
            cancel_token: the person's wish to stop.

        Raises:
            OutputError, ModelFailed, MediaError, Cancelled: as `conform_audio`, and where the folder cannot be written.
        """
        held = self.metadata
        place = NumberedFile(
            self.spec.folder,
            self.spec.take_name,
            after_number,
            lambda: record_claim({**held, "number": place.number, "file": place.path.name}),
        )
        unmade = take_from_claim(self.spec, self.job, held)
        with place.open_for_writing() as beside:
            made = conform_audio(
                self.output.file,
                unmade.samples,
                beside,
                _bwf_writer_factory(unmade),
                rate=unmade.sample_rate,
                cancel_token=cancel_token,
            )
            notes = [*made.notes, *([] if self.origin_job_id is None else [REUSED_NOTE.format(self.origin_job_id)])]
            held.update(sha256=file_hash(beside, cancel_token=cancel_token), channels=made.channels, notes=notes)
        take = take_from_claim(self.spec, self.job, {**held, "number": place.number, "file": place.path.name})
        if hashes := self.write_stems(take, cancel_token=cancel_token):
            record_claim({**held, "number": place.number, "file": place.path.name, "stem_hashes": hashes})
        return take

    def write_stems(self, take: Take, *, cancel_token: CancelToken) -> dict[str, str]:
        """Write a take's stems beside it; return their SHA-256 by file name."""
        bwf, hashes = _bwf_writer_factory(take), {}
        for name, path in take.stems.items():
            with atomic_write(path) as beside:
                conform_audio(
                    self.output.stems[name], take.samples, beside, bwf, rate=take.sample_rate, cancel_token=cancel_token
                )
                hashes[path.name] = file_hash(beside, cancel_token=cancel_token)
        return hashes


def take_from_claim(spec: JobSpec, job: Job, claim: Mapping[str, Any]) -> Take:
    """The take that a claim tells of; before it is made, all but what its file will be."""
    folder, number = spec.folder, int(claim.get("number", 0))
    return Take(
        cue=spec.cue,
        number=number,
        provider=spec.model.provider,
        version=claim["version"],
        request=job.request or "",
        seed=claim["seed"],
        params=spec.cue.params,
        file=folder / str(claim.get("file", "")),
        sha256=claim.get("sha256", ""),
        sample_rate=spec.sample_rate,
        channels=claim.get("channels", 0),
        samples=spec.cue.span.samples(spec.sample_rate),
        cost=Cost(**claim["cost"]),
        licence=spec.model.licence.name,
        source_sha256=job.source or "",
        created=claim["created"],
        stems={name: folder / spec.take_name(number, name) for name in claim["stems"]},
        understood=claim["understood"],
        notes=tuple(claim.get("notes", ())),
        job_id=job.id,
    )


def _bwf_writer_factory(take: Take) -> Callable[[BinaryIO, int], BwfWriter]:
    """Makes the writer of a take's WAV, with all that traces it."""
    cue = take.cue
    without = ("take", "file", "sha256", "stems", "notes")
    traced = {key: value for key, value in take.to_manifest_entry().items() if key not in without} | {
        "job": take.job_id
    }

    def make_writer(file: BinaryIO, channels: int) -> BwfWriter:
        return BwfWriter(
            file,
            channels,
            take.sample_rate,
            description=f"{cue.model} seed {take.seed}: {cue.prompt}",
            originator_reference=take.request,
            created_at=datetime.fromisoformat(take.created),
            time_reference=cue.span.rate.samples(max(0, cue.span.start), take.sample_rate),
            coding_history=json.dumps(traced | {"channels": channels}),
        )

    return make_writer


def file_hash(path: Path, *, cancel_token: CancelToken) -> str:
    """A file's SHA-256 as hexadecimal text."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(HASH_BLOCK_BYTES):
            cancel_token.raise_if_cancelled()
            digest.update(block)
    return digest.hexdigest()


def is_take_intact(folder: Path, claim: Mapping[str, Any], *, cancel_token: CancelToken) -> bool:
    """Whether a claimed file is there, whole. A name that was taken for it and never filled is given up."""
    path = folder / str(claim["file"])
    try:
        if path.stat().st_size == 0:
            with contextlib.suppress(OSError):
                path.unlink()
            return False
        return file_hash(path, cancel_token=cancel_token) == str(claim["sha256"])
    except OSError:
        return False
