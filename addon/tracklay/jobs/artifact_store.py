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

from ..cue import Cost
from ..media import proxy_cache
from ..media.extract import Proxy
from ..paths import folder, home, sweep, sync, trouble
from ..providers import Output
from . import process_lock

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .ledger import Job

Seen = tuple[Proxy | None, Path | None]
"""What a model is given of the picture: all of it, or a still."""

COPY_SETTLED_SECONDS = 600.0
"""By then the jobs for which a copy of a timeline was written are rows, however slow the disk."""

NOTE = "note.json"
"""What lies beside kept files, and says what they are."""


def bench(token: str, number: int) -> Path:
    """A folder for a job's work of the moment, empty.

    Raises:
        OutputError: it cannot be made.
    """
    place = home() / "work" / token / str(number)
    shutil.rmtree(place, ignore_errors=True)
    return folder(place)


def clear(token: str, number: int | None = None) -> None:
    """Clear a job's work away, or all of an owner's."""
    place = home() / "work" / token
    shutil.rmtree(place / str(number) if number is not None else place, ignore_errors=True)


def clear_up_after(token: str, projects: Iterable[tuple[str, str]]) -> None:
    """Clear away what a process left that was killed: `projects` are (owner, folder its takes go to)."""
    clear(token)
    number = process_lock.process(token)
    if number not in process_lock.living_processes():
        for place in (home(), proxy_cache.folder(), *(Path(place) for who, place in projects if who == token)):
            sweep(place, number)


def _keep(made: Path, place: Path, note: Mapping[str, Any]) -> None:
    """Put a folder in its place for good. One that is there already stays."""
    try:
        (made / NOTE).write_text(json.dumps(note), "utf-8")
        for path in made.iterdir():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        sync(made)
        folder(place.parent)
        with contextlib.suppress(OSError):
            made.rename(place)
        if not place.is_dir():
            made.rename(place)
        sync(place.parent)
    except OSError as error:
        raise trouble(error, place.parent) from error


def _note(place: Path) -> dict[str, Any] | None:
    try:
        note: dict[str, Any] = json.loads((place / NOTE).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return note


def _proxy(picture: str) -> Path:
    return home() / "proxies" / picture


def keep_proxy(picture: str, made: Path, proxy: Proxy) -> None:
    """Keep a proxy (and its still) that lies in the folder `made`."""
    times = [str(time) for time in proxy.times]
    _keep(made, _proxy(picture), {"proxy": proxy.path.name, "times": times, "seconds": str(proxy.seconds)})


def proxy(picture: str) -> Seen | None:
    """A kept proxy and its still; None where there is none."""
    place = _proxy(picture)
    if (note := _note(place)) is None:
        return None
    still = place / "still.png"
    kept = Proxy(place / note["proxy"], tuple(map(Fraction, note["times"])), Fraction(note["seconds"]))
    return (None, still) if still.exists() else (kept, None)


def drop_proxy(picture: str) -> None:
    """Throw a proxy away that no job needs any more."""
    shutil.rmtree(_proxy(picture), ignore_errors=True)


def kept_proxies() -> list[str]:
    """The names of the proxies that are kept."""
    place = home() / "proxies"
    return [path.name for path in place.iterdir()] if place.is_dir() else []


def _copies() -> Path:
    return home() / "copies"


def new_copy() -> Path:
    """Where a copy of a timeline is to be written, from which jobs render; what is made of it lies beside it.

    Raises:
        OutputError: its folder cannot be made.
    """
    return folder(_copies() / secrets.token_hex(8)) / "timeline.blend"


def kept_copies() -> list[Path]:
    """The copies of timelines that are kept, but for those that are so new that the jobs that need them may not be rows yet."""
    with contextlib.suppress(OSError):
        now = time.time()
        return [
            path / "timeline.blend" for path in _copies().iterdir() if now - path.stat().st_mtime > COPY_SETTLED_SECONDS
        ]
    return []


def drop_copy(copy: Path) -> None:
    """Throw a copy away that no job needs any more, with what was rendered from it."""
    shutil.rmtree(copy.parent, ignore_errors=True)


def _output(number: int) -> Path:
    return home() / "outputs" / str(number)


def keep_output(job: Job, made: Path, output: Output, *, keep: bool) -> dict[str, Any]:
    """Keep what a model made, which lies in the folder `made`; what the ledger holds of it. `keep`: also when it is laid.

    Raises:
        OutputError: it cannot be kept.
    """
    note = {
        "folder": str(job.id),
        "keep": keep,
        "file": output.file.name,
        "seed": output.seed,
        "version": output.version,
        "cost": asdict(output.cost),
        "stems": {name: path.name for name, path in output.stems.items()},
        "understood": dict(output.understood),
        "others": [path.name for path in output.others],
    }
    drop_output(job.id)
    _keep(made, _output(job.id), note)
    return note


def kept_output(job: Job) -> dict[str, Any] | None:
    """What the ledger should hold of a job's output, where it is on disk already."""
    return _note(_output(job.id))


def output(held: Mapping[str, Any]) -> Output | None:
    """A kept output; None where its files are gone."""
    place = _output(int(held["folder"]))
    kept = Output(
        place / held["file"],
        held["seed"],
        held["version"],
        Cost(**held["cost"]),
        {name: place / file for name, file in held["stems"].items()},
        held["understood"],
        tuple(place / file for file in held["others"]),
    )
    files = (kept.file, *kept.stems.values(), *kept.others)
    return kept if all(path.is_file() for path in files) else None


def sounds(output: Output) -> list[Output]:
    """Each whole sound of an output by itself. What the request cost is the first one's."""
    free = replace(output.cost, amount="0")
    return [output, *(replace(output, file=file, cost=free, stems={}, others=()) for file in output.others)]


def drop_output(number: int) -> None:
    """Throw away what a model made for a job."""
    shutil.rmtree(_output(number), ignore_errors=True)
