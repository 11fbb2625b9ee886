"""The work of the server's tools. Each function returns plain data; errors are those of the command, one sentence each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..cue import Failure, Take
from ..errors import describe
from ..jobs import admin
from ..jobs.costs.estimates import estimate_to_dict
from ..jobs.delivery import USUAL_STYLE, FileDelivery
from ..jobs.job_spec import create_job_specs
from ..jobs.runner import BlockingRunner
from ..media.marks.examine import examine_file
from ..models import find_model, load_catalogue
from ..report import read_report_input, write_report
from ..timelines import open_timeline
from ..timelines.delivery import check_delivery, deliver_takes
from ..timing import format_timecode
from .budget import sum_costs_known

if TYPE_CHECKING:
    from ..cue import Cue
    from ..jobs.delivery import CopyStyle
    from ..jobs.job_spec import JobSpec
    from ..models import Model
    from ..timelines.base import Timeline
    from .budget import Budget


@dataclass(frozen=True, slots=True)
class SoundRequest:
    """A request for sound, as the command's options: `picture` and what is wanted for which part of it."""

    picture: Path
    model: str = "sketch/foley"
    prompt: str = ""
    negative: str = ""
    takes: int = 1
    seed: int | None = None
    params: Mapping[str, Any] | None = None
    in_point: str | None = None
    out_point: str | None = None
    only: Sequence[str] = ()
    as_one: bool = False
    drop_original: bool = False
    to: Path | None = None
    style: CopyStyle | None = None


def list_models(task: str = "") -> list[dict[str, Any]]:
    """Return the catalogue's models, in short; those of a task alone if it is named."""
    return [_model_summary(model) for model in load_catalogue().values() if task in ("", model.task)]


def show_model(model_id: str) -> dict[str, Any]:
    """Return one model with its parameters, limits, price and licence."""
    return asdict(find_model(model_id, load_catalogue()))


def _model_summary(model: Model) -> dict[str, Any]:
    return {
        "id": model.id,
        "task": model.task,
        "summary": model.summary,
        "needs": list(model.needs),
        "seconds": [float(model.seconds.least), None if model.seconds.most is None else float(model.seconds.most)],
        "price": asdict(model.price),
        "commercial": model.licence.commercial,
    }


def list_cues(request: SoundRequest) -> list[dict[str, Any]]:
    """Return the cues of a picture: what plays when, and what cannot be read."""
    timeline = open_timeline(request.picture)
    return [
        {
            "cue": cue.id,
            "start": format_timecode(cue.span.start, cue.span.rate, drop_frame=bool(cue.drop_frame)),
            "frame": cue.span.start,
            "frames": cue.span.frames,
            "seconds": round(float(cue.span.seconds), 3),
            "rate": str(cue.span.rate),
            "source": str(cue.picture.source),
            "hits": [{"seconds": float(hit.seconds), "name": hit.name} for hit in cue.hits],
            "error": cue.picture.error,
        }
        for cue in _find_cues(timeline, request)
    ]


def _find_cues(timeline: Timeline, request: SoundRequest) -> list[Cue]:
    model = find_model(request.model, load_catalogue())
    fields: dict[str, Any] = {
        "model": model.id,
        "prompt": request.prompt,
        "negative": request.negative,
        "takes": request.takes,
        "seed": request.seed,
        "params": {
            name: model.find_parameter(name).parse(str(value)) for name, value in (request.params or {}).items()
        },
    }
    points = request.in_point, request.out_point
    if request.as_one:
        return [timeline.joined_cue(*points, only=request.only, **fields)]
    return timeline.cues(*points, only=request.only, **fields)


def _plan(timeline: Timeline, request: SoundRequest, *, check_key: bool) -> tuple[list[JobSpec], list[Failure], Path]:
    to = (request.to or timeline.folder).absolute()
    delivery = FileDelivery(timeline.path.absolute(), request.drop_original, style=request.style or USUAL_STYLE)
    cues = _find_cues(timeline, request)
    specs, refused = create_job_specs(cues, to, timeline.output_stem(to), delivery, check_key=check_key)
    return specs, refused, to


def estimate_request(request: SoundRequest) -> dict[str, Any]:
    """Return the length, the parts and the cost of each cue, and their sum. Nothing is sent or written."""
    specs, refused, _ = _plan(open_timeline(request.picture, request.style), request, check_key=False)
    total = sum_costs_known(specs)
    return {
        "cues": [estimate_to_dict(spec) for spec in specs],
        "total": {"amount": None if total is None else f"{total:f}", "currency": specs[0].model.price.currency},
        "refused": [describe(failure.error) for failure in refused],
    }


def lay_request(request: SoundRequest, budget: Budget) -> dict[str, Any]:
    """Generate the takes of a picture's cues within the budget, lay them in a copy, and return the manifest with paths.

    Raises:
        InvalidInput: the budget does not allow it; nothing was sent.
        TracklayError: no cue can be generated, or the folder cannot be used.
    """
    timeline = open_timeline(request.picture, request.style)
    specs, refused, to = _plan(timeline, request, check_key=True)
    check_delivery(timeline, to)
    reserved = budget.reserve(specs)
    takes: list[Take] = []
    try:
        with BlockingRunner(lambda _: None) as runner:
            runner.set_caps(specs, run_cap=f"{reserved:f}")
            results = runner.run_jobs(specs)
            takes = [result for result in results if isinstance(result, Take)]
            failed = [*refused, *(result for result in results if isinstance(result, Failure))]
            laid = runner.call(
                deliver_takes, timeline, takes, failed, to, drop_original=request.drop_original, describe=describe
            )
    finally:
        budget.settle(reserved, takes)
    return {"folder": str(to), "manifest_file": str(timeline.manifest_path(to)), **laid.manifest}


def list_jobs(*, include_finished: bool = False) -> dict[str, Any]:
    """Return the jobs of the ledger, and what was spent."""
    return admin.list_jobs(include_finished=include_finished)


def make_report(results: Path, to: Path | None = None) -> dict[str, Any]:
    """Write the review page and the cue sheet of a run, and return the page's path."""
    path = results.absolute()
    folder = to or (path if path.is_dir() else path.parent) / "report"
    return {"page": str(write_report(read_report_input(results), folder, title=path.stem))}


def verify_file(path: Path) -> dict[str, Any]:
    """Return what a sound or a film is and where it comes from."""
    origin = examine_file(path)
    return {"file": str(path), **asdict(origin), "manifest": origin.manifest and str(origin.manifest)}
