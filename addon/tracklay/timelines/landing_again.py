"""Lands a take that exists on a picture that was re-cut: from its untouched form, without asking a model."""

from __future__ import annotations

import contextlib
import math
from pathlib import Path
from typing import Any, NamedTuple

from ..atomic_io import NumberedFile, temp_dir
from ..cancellation import CancelToken
from ..errors import InvalidInput, file_not_found_error
from ..jobs.artifact_store import untouched_form
from ..jobs.context import wait_for_worker
from ..manifest import read_manifest
from ..media.proxy_cache import extract_cached
from ..media.wav_reader import WavReader
from ..timing import Span
from ..worker import WorkerProcess
from . import open_timeline


class LandedAgain(NamedTuple):
    """The file that was written, None if every sound is on its contact already, and the landing as a manifest entry has it."""

    file: Path | None
    landing: dict[str, Any]


def land_again(take: Path, picture: Path, in_point: str | None = None, prompt: str | None = None) -> LandedAgain:
    """Write the take `take`.landed1.wav (the first free number), landed on the picture as it is now. The take stays as it is.

    Args:
        take: the WAV of a take. If its untouched form is beside it, that is landed.
        picture: the picture: a film, images or a timeline.
        in_point: the frame of the picture at which the take begins, as a user writes a time; None is the picture's start.
        prompt: the sounds of the take, which decide on the changes in the picture that are contacts; None: as its manifest says.

    Raises:
        InvalidInput: a file does not exist, the point is outside the picture, or the picture must be rendered by an editor.
        MediaError: the take or the picture cannot be read.
        OutputError: the file cannot be written.
    """
    if not take.is_file():
        raise file_not_found_error(take)
    source = untouched_form(take)
    with WavReader(source) as wav:
        form = wav.format
    cue = open_timeline(picture).cues(in_point, None, model="")[0]
    if cue.picture.render is not None:
        raise InvalidInput(
            "landing.needs_editor",
            "{picture} has effects that only its editor renders. Render it first.",
            picture=picture.name,
        )
    frames = math.ceil(form.samples * cue.span.rate.fps / form.sample_rate)
    span = Span(cue.span.start, min(cue.span.frames, frames), cue.span.rate)
    numbered = NumberedFile(take.parent, lambda number: f"{take.stem}.landed{number}.wav")
    with temp_dir(take.parent) as work:
        proxy = extract_cached(cue.picture, span, work / "proxy.mp4")
        landed = work / "landed.wav"
        worker = WorkerProcess(
            "landing.land_file:land_wav",
            {
                "take": str(source.absolute()),
                "proxy": str(proxy.path),
                "prompt": _recorded_prompt(take) if prompt is None else prompt,
                "to": str(landed),
            },
        )
        landing = wait_for_worker(worker, CancelToken())
        if not landing.pop("changed"):
            return LandedAgain(None, landing)
        with numbered.open_for_writing() as beside:
            landed.replace(beside)
    return LandedAgain(numbered.path, {**landing, "untouched": source.name})


def _recorded_prompt(take: Path) -> str:
    """Return the prompt of a take as a manifest beside it says; empty if none does."""
    for path in sorted(take.absolute().parent.glob("*.tracklay.json")):
        with contextlib.suppress(InvalidInput):
            for entry in read_manifest(path)["takes"]:
                if isinstance(entry, dict) and entry.get("file") == take.name:
                    return str(entry.get("prompt") or "")
    return ""
