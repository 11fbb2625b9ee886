"""The claim of a take: what the ledger holds of it before its file has its name. And the take that a claim describes."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from ...cue import HANDLES, UNFITTED, UNTOUCHED, Cost, Take
from ...media.bwf import BwfWriter
from ...media.fingerprint import source_id
from ...media.marks import XmpMark

if TYPE_CHECKING:
    from ...cancellation import CancelToken
    from ..job_spec import JobSpec
    from ..ledger import Job


def take_from_claim(spec: JobSpec, job: Job, claim: Mapping[str, Any]) -> Take:
    """Return the take that a claim describes. Before it is made, its number, file, hash and channels are missing."""
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
        samples=spec.cue.sound_span.samples(spec.sample_rate),
        cost=Cost(**claim["cost"]),
        licence=spec.model.licence.name,
        source_type=spec.model.source_type,
        plan=claim.get("plan", {}),
        source_sha256=job.source or "",
        created=claim["created"],
        stems={name: folder / spec.take_name(number, name) for name in claim["stems"]},
        understood=claim["understood"],
        notes=tuple(claim.get("notes", ())),
        landing=_with_file_name(claim.get("landing", {}), "untouched", spec.take_name(number, UNTOUCHED)),
        score=claim.get("score", {}),
        replaced=claim.get("replaced", {}),
        fit=_with_file_name(claim.get("fit", {}), "unfitted", spec.take_name(number, UNFITTED)),
        measured=claim.get("measured", {}),
        tempo=claim.get("tempo", {}),
        parts=tuple(claim.get("parts", ())),
        seams=tuple(claim.get("seams", ())),
        handles=_with_file_name(claim.get("handles", {}), "file", spec.take_name(number, HANDLES)),
        job_id=job.id,
    )


def _with_file_name(described: Mapping[str, Any], key: str, name: str) -> dict[str, Any]:
    """Return a description with the name of a file beside the take, if it has one: the name has the take's number."""
    return {**described, key: name} if described.get(key) else dict(described)


def bwf_writer_factory(take: Take, before: int = 0) -> Callable[[BinaryIO, int], BwfWriter]:
    """Return a function that opens the writer of a take's WAV file, with its provenance in the BWF header.

    The file begins `before` samples before the take.
    """
    cue = take.cue
    start = cue.span.rate.samples(max(0, cue.span.start + cue.timecode_start), take.sample_rate)
    # Left out: the number and file name are not chosen yet, the hash cannot be in the file that it is of, and the rest is in the
    # manifest.
    omitted = (
        "take",
        "file",
        "sha256",
        "stems",
        "notes",
        "landing",
        "score",
        "replaced",
        "fit",
        "measured",
        "seams",
        "handles",
    )
    provenance = {key: value for key, value in take.to_manifest_entry().items() if key not in omitted} | {
        "job": take.job_id
    }

    def make_writer(file: BinaryIO, channels: int) -> BwfWriter:
        return BwfWriter(
            file,
            channels,
            take.sample_rate,
            # The mark first: the rest may be cut off.
            description=f"Generated sound ({take.source_type}), {cue.model} seed {take.seed}: {cue.prompt}",
            originator_reference=take.request,
            created_at=datetime.fromisoformat(take.created),
            time_reference=max(0, start - before),
            coding_history=json.dumps(provenance | {"channels": channels}),
            xmp=XmpMark(take.source_type, cue.model).packet,
        )

    return make_writer


def is_take_intact(folder: Path, claim: Mapping[str, Any], *, cancel_token: CancelToken) -> bool:
    """Return whether a claimed file exists and is complete. An empty file, which only reserves the name, is deleted."""
    path = folder / str(claim["file"])
    try:
        if path.stat().st_size == 0:
            with contextlib.suppress(OSError):
                path.unlink()
            return False
        return source_id(path, "full", cancel_token=cancel_token) == str(claim["sha256"])
    except OSError:
        return False
