"""Where jobs keep what is not a row: proxies, what models made, and the work of the moment; all under TRACKLAY_HOME.

What is kept comes into its place by a rename, when it is whole and synced. What a dead process left is cleared away.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import time
from dataclasses import asdict, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..atomic_io import fsync_folder, output_error, remove_leftovers
from ..cue import Cost
from ..media import proxy_cache
from ..media.extract import Proxy
from ..paths import ensure_folder, tracklay_home
from ..providers import Output
from . import process_lock

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .ledger import Job

VisualInput = tuple[Proxy | None, Path | None]
"""What a model is given of the picture: all of it, or a still."""

COPY_GRACE_SECONDS = 600.0
"""By then the jobs for which a copy of a timeline was written are rows, however slow the disk."""

METADATA_FILE = "note.json"
"""What lies beside kept files, and says what they are."""


def work_dir(owner_token: str, job_id: int) -> Path:
    """A folder for a job's work of the moment, empty.

    Raises:
        OutputError: it cannot be made.
    """
    place = tracklay_home() / "work" / owner_token / str(job_id)
    shutil.rmtree(place, ignore_errors=True)
    return ensure_folder(place)


def delete_work_dir(owner_token: str, job_id: int | None = None) -> None:
    """Clear a job's work away, or all of an owner's."""
    place = tracklay_home() / "work" / owner_token
    shutil.rmtree(place / str(job_id) if job_id is not None else place, ignore_errors=True)


def clean_up_after_owner(owner_token: str, projects: Iterable[tuple[str, str]]) -> None:
    """Clear away what a process left that was killed: `projects` are (owner, folder its takes go to)."""
    delete_work_dir(owner_token)
    number = process_lock.process_id(owner_token)
    if number not in process_lock.live_process_ids():
        for place in (
            tracklay_home(),
            proxy_cache.proxy_cache_dir(),
            *(Path(place) for who, place in projects if who == owner_token),
        ):
            remove_leftovers(place, number)


def _commit_folder(source_folder: Path, target_folder: Path, metadata: Mapping[str, Any]) -> None:
    """Put a folder in its place for good. One that is there already stays."""
    try:
        (source_folder / METADATA_FILE).write_text(json.dumps(metadata), "utf-8")
        for path in source_folder.iterdir():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        fsync_folder(source_folder)
        ensure_folder(target_folder.parent)
        with contextlib.suppress(OSError):
            source_folder.rename(target_folder)
        if not target_folder.is_dir():
            source_folder.rename(target_folder)
        fsync_folder(target_folder.parent)
    except OSError as error:
        raise output_error(error, target_folder.parent) from error


def _read_metadata(folder_path: Path) -> dict[str, Any] | None:
    try:
        note: dict[str, Any] = json.loads((folder_path / METADATA_FILE).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return note


def _proxy_folder(proxy_key: str) -> Path:
    return tracklay_home() / "proxies" / proxy_key


def save_proxy(proxy_key: str, source_folder: Path, proxy: Proxy) -> None:
    """Keep a proxy (and its still) that lies in the folder `source_folder`."""
    times = [str(time) for time in proxy.times]
    _commit_folder(
        source_folder,
        _proxy_folder(proxy_key),
        {"proxy": proxy.path.name, "times": times, "seconds": str(proxy.seconds)},
    )


def load_proxy(proxy_key: str) -> VisualInput | None:
    """A kept proxy and its still; None where there is none."""
    place = _proxy_folder(proxy_key)
    if (note := _read_metadata(place)) is None:
        return None
    still = place / "still.png"
    kept = Proxy(place / note["proxy"], tuple(map(Fraction, note["times"])), Fraction(note["seconds"]))
    return (None, still) if still.exists() else (kept, None)


def delete_proxy(proxy_key: str) -> None:
    """Throw a proxy away that no job needs any more."""
    shutil.rmtree(_proxy_folder(proxy_key), ignore_errors=True)


def list_proxies() -> list[str]:
    """The names of the proxies that are kept."""
    place = tracklay_home() / "proxies"
    return [path.name for path in place.iterdir()] if place.is_dir() else []


def _timeline_copies_folder() -> Path:
    return tracklay_home() / "copies"


def new_timeline_copy_path() -> Path:
    """Where a copy of a timeline is to be written, from which jobs render; what is made of it lies beside it.

    Raises:
        OutputError: its folder cannot be made.
    """
    return ensure_folder(_timeline_copies_folder() / secrets.token_hex(8)) / "timeline.blend"


def list_timeline_copies() -> list[Path]:
    """The copies of timelines that are kept, but for those that are so new that the jobs that need them may not be rows yet."""
    with contextlib.suppress(OSError):
        now = time.time()
        return [
            path / "timeline.blend"
            for path in _timeline_copies_folder().iterdir()
            if now - path.stat().st_mtime > COPY_GRACE_SECONDS
        ]
    return []


def delete_timeline_copy(copy: Path) -> None:
    """Throw a copy away that no job needs any more, with what was rendered from it."""
    shutil.rmtree(copy.parent, ignore_errors=True)


def _output_folder(job_id: int) -> Path:
    return tracklay_home() / "outputs" / str(job_id)


def save_output(job: Job, source_folder: Path, output: Output, *, keep_after_laying: bool) -> dict[str, Any]:
    """Keep what a model made, which lies in the folder `source_folder`; what the ledger holds of it. `keep_after_laying`: also when it is laid.

    Raises:
        OutputError: it cannot be kept.
    """
    note = {
        "folder": str(job.id),
        "keep": keep_after_laying,
        "file": output.file.name,
        "seed": output.seed,
        "version": output.version,
        "cost": asdict(output.cost),
        "stems": {name: path.name for name, path in output.stems.items()},
        "understood": dict(output.understood),
        "others": [path.name for path in output.extra_files],
    }
    delete_output(job.id)
    _commit_folder(source_folder, _output_folder(job.id), note)
    return note


def read_output_metadata(job: Job) -> dict[str, Any] | None:
    """What the ledger should hold of a job's output, where it is on disk already."""
    return _read_metadata(_output_folder(job.id))


def load_output(metadata: Mapping[str, Any]) -> Output | None:
    """A kept output; None where its files are gone."""
    place = _output_folder(int(metadata["folder"]))
    kept = Output(
        place / metadata["file"],
        metadata["seed"],
        metadata["version"],
        Cost(**metadata["cost"]),
        {name: place / file for name, file in metadata["stems"].items()},
        metadata["understood"],
        tuple(place / file for file in metadata["others"]),
    )
    files = (kept.file, *kept.stems.values(), *kept.extra_files)
    return kept if all(path.is_file() for path in files) else None


def split_output(output: Output) -> list[Output]:
    """Each whole sound of an output by itself. What the request cost is the first one's."""
    free = replace(output.cost, amount="0")
    return [output, *(replace(output, file=file, cost=free, stems={}, extra_files=()) for file in output.extra_files)]


def delete_output(job_id: int) -> None:
    """Throw away what a model made for a job."""
    shutil.rmtree(_output_folder(job_id), ignore_errors=True)
