"""Files of jobs under TRACKLAY_HOME: outputs of models, copies of timelines, and work folders. Proxies are in the proxy cache.

A stored folder gets its final name by a rename, after its files are complete and synced. What a dead process left is deleted.
"""

from __future__ import annotations

import contextlib
import glob
import json
import os
import secrets
import shutil
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..atomic_io import fsync_folder, output_error, remove_leftovers
from ..cue import UNFITTED, UNTOUCHED, Cost
from ..errors import InvalidInput, file_not_found_error
from ..media import proxy_cache
from ..media.bwf import plain_bwf_writer
from ..media.wav_reader import WavReader
from ..paths import ensure_folder, tracklay_home
from ..providers.base import Output
from ..untrusted_data import clean_json
from . import process_lock

if TYPE_CHECKING:
    from ..cue import Cue
    from .ledger import Job

COPY_GRACE_SECONDS = 600.0
"""Age from which a timeline copy without a job is deleted. A copy is written first, and its jobs are added after it."""

MAX_UNDERSTOOD_CHARS = 20_000
"""Characters of JSON of one value that a provider returned beside the sound, such as a rewritten prompt."""

COPY_SAMPLES = 1 << 20
"""Samples that are copied at a time."""

METADATA_FILE = "note.json"
"""File in each stored folder that describes its other files. A folder without it is incomplete."""


def work_dir(owner_token: str, job_id: int) -> Path:
    """Return an empty folder for a job's temporary files.

    Raises:
        OutputError: it cannot be created.
    """
    folder = tracklay_home() / "work" / owner_token / str(job_id)
    shutil.rmtree(folder, ignore_errors=True)
    return ensure_folder(folder)


def delete_work_dir(owner_token: str, job_id: int | None = None) -> None:
    """Delete the work folder of a job, or those of all jobs of an owner."""
    folder = tracklay_home() / "work" / owner_token
    shutil.rmtree(folder / str(job_id) if job_id is not None else folder, ignore_errors=True)


def clean_up_after_owner(owner_token: str, projects: Iterable[tuple[str, str]]) -> None:
    """Delete the temporary files of a killed process. `projects` are pairs of an owner and a takes folder of its jobs."""
    delete_work_dir(owner_token)
    process_id = process_lock.process_id(owner_token)
    # Temporary files outside the work folder contain only the process number, which the system may have reassigned to a new process.
    if process_id not in process_lock.live_process_ids():
        for folder in (
            tracklay_home(),
            proxy_cache.proxy_cache_dir(),
            *(Path(project) for owner, project in projects if owner == owner_token),
        ):
            remove_leftovers(folder, process_id)


def _commit_folder(source_folder: Path, target_folder: Path, metadata: Mapping[str, Any]) -> None:
    """Move a folder to its final place. An existing one stays.

    The order makes it crash-safe: sync the files, sync their folder, rename, sync the parent. After a power cut the final name exists
    only with complete content.
    """
    try:
        (source_folder / METADATA_FILE).write_text(json.dumps(metadata), "utf-8")
        for path in source_folder.iterdir():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        fsync_folder(source_folder)
        ensure_folder(target_folder.parent)
        # The first rename fails if the target exists: another job stored the same. If it failed for another reason, the second
        # one raises it.
        with contextlib.suppress(OSError):
            source_folder.rename(target_folder)
        if not target_folder.is_dir():
            source_folder.rename(target_folder)
        fsync_folder(target_folder.parent)
    except OSError as error:
        raise output_error(error, target_folder.parent) from error


def _read_metadata(folder_path: Path) -> dict[str, Any] | None:
    try:
        metadata: dict[str, Any] = json.loads((folder_path / METADATA_FILE).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return metadata


def _timeline_copies_folder() -> Path:
    return tracklay_home() / "copies"


def new_timeline_copy_path() -> Path:
    """Return the path for a new copy of a timeline that jobs render from. Renders are stored beside it.

    Raises:
        OutputError: its folder cannot be created.
    """
    return ensure_folder(_timeline_copies_folder() / secrets.token_hex(8)) / "timeline.blend"


def list_timeline_copies() -> list[Path]:
    """Return the stored timeline copies, except new ones whose jobs may not be in the ledger yet."""
    with contextlib.suppress(OSError):
        now = time.time()
        return [
            path / "timeline.blend"
            for path in _timeline_copies_folder().iterdir()
            if now - path.stat().st_mtime > COPY_GRACE_SECONDS
        ]
    return []


def delete_timeline_copy(copy: Path) -> None:
    """Delete a timeline copy, and what was rendered from it."""
    shutil.rmtree(copy.parent, ignore_errors=True)


def _output_folder(job_id: int) -> Path:
    return tracklay_home() / "outputs" / str(job_id)


def save_output(job: Job, source_folder: Path, output: Output, *, keep_after_laying: bool) -> dict[str, Any]:
    """Store a model's output from `source_folder`, and return the metadata that the ledger holds.

    Args:
        job: the job it was made for.
        source_folder: folder with its files.
        output: the output.
        keep_after_laying: keep it after its take is laid, because making it again would cost something.

    Raises:
        OutputError: it cannot be stored.
    """
    metadata = {
        "folder": str(job.id),
        "keep": keep_after_laying,
        "file": output.file.name,
        "seed": output.seed,
        "version": output.version,
        "cost": output.cost.to_dict(),
        "stems": {name: path.name for name, path in output.stems.items()},
        "understood": _bounded(output.understood),
        "others": [path.name for path in output.extra_files],
        "notes": list(output.notes),
    }
    delete_output(job.id)
    _commit_folder(source_folder, _output_folder(job.id), metadata)
    return metadata


def _bounded(understood: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the provider made of a request, without values that are too large for manifests and WAV headers."""
    clean = clean_json(dict(understood))
    return {name: value for name, value in clean.items() if len(json.dumps(value)) <= MAX_UNDERSTOOD_CHARS}


def read_output_metadata(job: Job) -> dict[str, Any] | None:
    """Return the metadata of a job's output if it is stored already."""
    return _read_metadata(_output_folder(job.id))


def load_output(metadata: Mapping[str, Any]) -> Output | None:
    """Return a stored output, or None if a file of it no longer exists."""
    folder = _output_folder(int(metadata["folder"]))
    output = Output(
        folder / metadata["file"],
        metadata["seed"],
        metadata["version"],
        Cost(**metadata["cost"]),
        {name: folder / file for name, file in metadata["stems"].items()},
        metadata["understood"],
        tuple(folder / file for file in metadata["others"]),
        tuple(metadata.get("notes", ())),  # outputs of earlier versions have none
    )
    files = (output.file, *output.stems.values(), *output.extra_files)
    return output if all(path.is_file() for path in files) else None


def untouched_form(take: Path) -> Path:
    """Return the file of a take's untouched form; the take itself if nothing was moved in it."""
    untouched = take.with_name(f"{take.stem}.{UNTOUCHED}.wav")
    return untouched if untouched.is_file() else take


def store_earlier_take(cue: Cue, earlier: Job | None, job: Job, folder: Path) -> dict[str, Any]:
    """Store the sound of an earlier take as a job's output; return the ledger's metadata.

    Args:
        cue: the cue, which names the take. Its whole music is fitted again, or its untouched form is landed again.
        earlier: the job that made the take, if the ledger knows it: seed and version are its.
        job: the job that uses the sound again.
        folder: folder for the copy.

    Raises:
        InvalidInput: the file is missing.
        MediaError: it is no WAV of a take.
        OutputError: it cannot be stored.
    """
    known = (earlier and earlier.output) or {}
    whole_stems = {} if cue.refit is None else _whole_stems(cue.refit)
    output = Output(
        _copy_earlier_sound(cue, folder),
        known.get("seed", job.seed),
        known.get("version", ""),
        Cost("0", known.get("cost", {}).get("currency", "USD"), estimated=False),
        {name: Path(shutil.copyfile(path, folder / path.name)) for name, path in whole_stems.items()},
        understood=known.get("understood", {}),
    )
    stored = save_output(job, folder, output, keep_after_laying=False)
    return stored if earlier is None else {**stored, "origin": known.get("origin", earlier.id)}


def _whole_stems(take: Path) -> dict[str, Path]:
    """Return the whole stems that those of a take of fitted music were fitted from, by name."""
    files = sorted(take.parent.glob(f"{glob.escape(take.stem)}.*.{UNFITTED}.wav"))
    return {file.name.removeprefix(f"{take.stem}.").removesuffix(f".{UNFITTED}.wav"): file for file in files}


def _copy_earlier_sound(cue: Cue, folder: Path) -> Path:
    """Copy the sound that a cue uses again to a folder, from the span's first frame on."""
    if cue.reland is None:
        assert cue.refit is not None  # noqa: S101 - a cue that generates nothing has one of both
        take, music = cue.refit, cue.refit.with_name(f"{cue.refit.stem}.{UNFITTED}.wav")
        if not music.is_file():
            raise InvalidInput(
                "refit.no_music",
                "The music that {take} was fitted from is missing: {path}.",
                take=take.name,
                path=music,
            )
        return Path(shutil.copyfile(music, folder / music.name))
    source = untouched_form(cue.reland.file)
    if not source.is_file():
        raise file_not_found_error(source)
    if not cue.reland.skip:
        return Path(shutil.copyfile(source, folder / source.name))
    with WavReader(source) as wav, (folder / source.name).open("wb") as file:
        form = wav.format
        writer = plain_bwf_writer(file, form.channels, form.sample_rate)
        for first in range(cue.span.rate.samples(cue.reland.skip, form.sample_rate), form.samples, COPY_SAMPLES):
            writer.write(wav.read(first, min(form.samples, first + COPY_SAMPLES)))
        writer.close()
    return folder / source.name


def split_output(output: Output) -> list[Output]:
    """Return each sound of an output as an output of its own. The first one has the cost of the request."""
    free = replace(output.cost, amount="0")
    return [output, *(replace(output, file=file, cost=free, stems={}, extra_files=()) for file in output.extra_files)]


def conformed_part_path(job_id: int) -> Path:
    """Return the path of a part's conformed sound, beside its stored output. It exists until the joined take is laid."""
    return _output_folder(job_id) / "conformed.wav"


def save_conformed_part(job_id: int, made: Path) -> None:
    """Move a part's conformed sound, complete and in a work folder, beside its output.

    Raises:
        OutputError: it cannot be stored.
    """
    _move_beside_output(made, conformed_part_path(job_id))


def _move_beside_output(made: Path, target: Path) -> None:
    try:
        with made.open("rb") as file:
            os.fsync(file.fileno())
        ensure_folder(target.parent)  # a reused output is in the folder of the job that paid for it
        made.replace(target)
    except OSError as error:
        raise output_error(error, target.parent) from error


def tail_path(job_id: int) -> Path:
    """Return the path of the end of the music before a part, which that part's model is given to continue.

    It exists until the part's output is stored, as a request may name it.
    """
    return _output_folder(job_id) / "tail.wav"


def save_tail(job_id: int, made: Path) -> Path:
    """Move the end of the music before a part, complete and in a work folder, to its place, and return that.

    Raises:
        OutputError: it cannot be stored.
    """
    _move_beside_output(made, tail_path(job_id))
    return tail_path(job_id)


def delete_part_sounds(job_id: int) -> None:
    """Delete what a part's output was made to and from. All of it can be made again."""
    conformed_part_path(job_id).unlink(missing_ok=True)
    tail_path(job_id).unlink(missing_ok=True)


def delete_output(job_id: int) -> None:
    """Delete the stored output of a job."""
    shutil.rmtree(_output_folder(job_id), ignore_errors=True)
