"""The `tracklay` command: lay, models, jobs, batch, demo, doctor."""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..cue import Failure, Take
from ..errors import InvalidInput, TracklayError
from ..version import VERSION
from .batch_options import add_batch_parser as add_batch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..cue import Cue
    from ..jobs import JobSpec
    from ..jobs.delivery import Delivery, FileDelivery
    from ..jobs.ledger import Job
    from ..jobs.runner import BlockingRunner
    from ..models import Model
    from ..timelines.base import Timeline

EXIT_DONE, EXIT_FAILED, EXIT_BAD_INPUT, EXIT_INTERRUPTED = 0, 1, 2, 130
"""Exit statuses (DESIGN.md, section 3)."""

DEFAULT_MODEL = "sketch/foley"


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, as every error of ours does."""

    def error(self, message: str) -> Any:
        raise InvalidInput(f"{message} (see `{self.prog} --help`)")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit status."""
    try:
        options = _parser().parse_args(arguments)
        status: int = options.run(options)
    except InvalidInput as error:
        return _print_message(str(error), EXIT_BAD_INPUT)
    except TracklayError as error:
        return _print_message(str(error), EXIT_FAILED)
    except KeyboardInterrupt:
        return _print_message("interrupted: run the same command again to go on", EXIT_INTERRUPTED)
    except BrokenPipeError:
        # Whoever read our output has gone: nothing is left to say, and nowhere to say it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    return status


def _print_message(message: str, status: int) -> int:
    print(f"tracklay: {' '.join(message.split())}", file=sys.stderr)  # noqa: T201 - it is a command
    return status


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="tracklay", description="Lays generated sound under picture, in sync to the sample.")
    parser.add_argument("--version", action="version", version=f"tracklay {VERSION}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)

    lay = commands.add_parser("lay", help="make sound for a picture and lay it under it")
    lay.add_argument(
        "picture",
        metavar="PICTURE",
        type=Path,
        help="a video file, a folder or pattern of images (shot.%%04d.png; 24 a second), an .otio, or a .blend where there is a Blender",
    )
    lay.add_argument(
        "--model", default=DEFAULT_MODEL, metavar="ID", help=f"what makes the sound (default: {DEFAULT_MODEL})"
    )
    lay.add_argument("--prompt", default="", metavar="TEXT", help="what should be heard")
    lay.add_argument("--negative", default="", metavar="TEXT", help="what should not")
    lay.add_argument("--in", dest="in_point", metavar="TIME", help="where the span begins: 12.5, 00:00:12:12 or 300f")
    lay.add_argument("--out", dest="out_point", metavar="TIME", help="where it ends: the first frame that is not in it")
    lay.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="NAME",
        help="only the clips of a timeline that are called so, or that lie under the marker NAME; as often as you like",
    )
    lay.add_argument("--takes", type=int, default=1, metavar="N", help="how many versions to make")
    lay.add_argument(
        "--seed", type=int, metavar="N", help="the first take's seed; drawn at random where it is not given"
    )
    lay.add_argument(
        "--set",
        dest="params",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a parameter of the model (see `tracklay models ID`); +NAME=JSON sends one that the catalogue does not know",
    )
    lay.add_argument(
        "--square",
        default="",
        metavar="WHERE",
        help="show the model only a square of the picture: centre, left, right, motion (where it is), or from 0 (left or top) to 1",
    )
    lay.add_argument("--drop-original", action="store_true", help="leave the picture's own sound out")
    lay.add_argument("--to", type=Path, metavar="FOLDER", help="where to write (default: tracklay/ beside the picture)")
    lay.add_argument(
        "--plan",
        action="store_true",
        help="lay nothing: write the work list beside it, a row a cue, for `tracklay batch`",
    )
    lay.add_argument("--max-cost", metavar="AMOUNT", help="refuse to begin where the estimate is higher")
    lay.add_argument(
        "--max-project-cost",
        metavar="AMOUNT",
        help="the same for all that goes to this folder, from now on, whoever sends it",
    )
    lay.add_argument("--json", action="store_true", help="print the manifest, and nothing else, on stdout")
    lay.set_defaults(run=_run_lay)

    models = commands.add_parser(
        "models",
        help="the catalogue; one model's parameters, limits, price and licence; `add` makes a published model's file",
    )
    models.add_argument("id", nargs="?", metavar="ID", help="a model's id, or the word add")
    models.add_argument(
        "spec", nargs="?", metavar="SPEC", help="with add: replicate:owner/name, fal:endpoint or scenario:model_id"
    )
    models.add_argument("--json", action="store_true", help="print it as JSON")
    models.set_defaults(run=_run_models)

    jobs = commands.add_parser("jobs", help="the ledger: what is under way, what became of it, what it cost")
    jobs.add_argument(
        "action",
        nargs="?",
        choices=("list", "resume", "collect", "cancel", "send", "forget"),
        default="list",
        help="resume: go on with what nobody carries; collect: only bring what was sent already; cancel: stop; "
        "send: send an unclear one again, which may be charged twice; forget: give up",
    )
    jobs.add_argument(
        "ids", nargs="*", type=int, metavar="ID", help="which; `resume` and `collect` take all by default"
    )
    jobs.add_argument("--all", action="store_true", help="list all that are over, too")
    jobs.add_argument("--json", action="store_true", help="print it as JSON")
    jobs.set_defaults(run=_run_jobs)

    add_batch(commands)

    report = commands.add_parser("report", help="a page to look at and judge what was made, a cue sheet, a reel")
    report.add_argument(
        "results",
        metavar="RESULTS_OR_MANIFEST",
        type=Path,
        help="what `tracklay batch` wrote (*.tracklay.results.json), or `tracklay lay` (*.tracklay.json)",
    )
    report.add_argument(
        "--to", type=Path, metavar="FOLDER", help="where to write (default: report/ beside the results)"
    )
    report.add_argument(
        "--verdicts",
        type=Path,
        metavar="FILE",
        help="what was decided on an earlier report: rejected takes stay out of the cue sheet and the reel",
    )
    report.add_argument(
        "--reel",
        action="store_true",
        help="make reel.mp4 too: the takes one after another over their picture, labelled",
    )
    report.set_defaults(run=_run_report)

    demo = commands.add_parser("demo", help="make a short clip and lay sketch foley and music under it")
    demo.add_argument(
        "--to", type=Path, default=Path("tracklay-demo"), metavar="FOLDER", help="where (default: tracklay-demo/)"
    )
    demo.set_defaults(run=_run_demo)

    doctor = commands.add_parser("doctor", help="what is installed, which keys are set, which provider answers")
    doctor.set_defaults(run=_run_doctor)
    return parser


def _run_lay(options: argparse.Namespace) -> int:
    from ..models import find_model  # noqa: PLC0415 - `--help` and `--version` wait for none of this
    from ..timelines import open_timeline as open_timeline  # noqa: PLC0415

    model = find_model(options.model)
    timeline = open_timeline(options.picture)
    cues = timeline.cues(
        options.in_point,
        options.out_point,
        only=options.only,
        model=model.id,
        prompt=options.prompt,
        negative=options.negative,
        seed=options.seed,
        takes=options.takes,
        params=_parse_params(model, options.params),
        square=options.square,
    )
    to: Path = options.to or timeline.folder
    return (
        _write_worklist(timeline, cues, to, options) if options.plan else _generate_and_lay(timeline, cues, to, options)
    )


def _write_worklist(timeline: Timeline, cues: Sequence[Cue], to: Path, options: argparse.Namespace) -> int:
    """Write the work list of what would be laid."""
    from ..batch import worklist_writer  # noqa: PLC0415
    from .tables import show_written_file  # noqa: PLC0415

    if options.square:
        raise InvalidInput("a work list has no place for --square: leave it out with --plan")
    said = {"in": options.in_point, "out": options.out_point, "drop_original": options.drop_original or None}
    said |= {name: getattr(cues[0], name) for name in ("model", "prompt", "negative", "takes", "seed")}
    made = worklist_writer.build_worklist_tables(timeline, cues, {**said, "params": dict(cues[0].params)}, to)
    if options.json:
        print(json.dumps(made, indent=2, ensure_ascii=False))  # noqa: T201
    else:
        show_written_file(worklist_writer.write_worklist(timeline, made))
    return EXIT_DONE


def _parse_params(model: Model, assignments: Sequence[str]) -> dict[str, Any]:
    from ..models import EXTRA_PREFIX  # noqa: PLC0415

    params: dict[str, Any] = {}
    for text in assignments:
        name, mark, value = text.partition("=")
        if not mark:
            raise InvalidInput(f"--set {text!r} has no value: write --set NAME=VALUE")
        try:
            params[name] = value if name.startswith(EXTRA_PREFIX) else model.find_parameter(name).parse(value)
        except InvalidInput as error:
            raise InvalidInput(f"--set {text}: {error}") from None
    return params


def _generate_and_lay(timeline: Timeline, cues: Sequence[Cue], to: Path, options: argparse.Namespace) -> int:
    """Make the takes, lay them, tell what came of it."""
    from ..jobs import check_budget  # noqa: PLC0415
    from ..jobs.cost import parse_amount  # noqa: PLC0415
    from ..jobs.delivery import FileDelivery  # noqa: PLC0415
    from ..jobs.runner import BlockingRunner  # noqa: PLC0415
    from ..timelines.delivery import check_delivery, deliver_takes  # noqa: PLC0415
    from .tables import TakeProgressTable, show_result  # noqa: PLC0415

    to = to.absolute()
    delivery = FileDelivery(timeline.path.absolute(), options.drop_original)
    orders, refused = _create_job_specs(cues, to, timeline.stem, delivery)
    check_budget(orders, options.max_cost)
    if options.max_project_cost is not None:
        parse_amount(options.max_project_cost, "--max-project-cost")
    check_delivery(timeline, to)
    with TakeProgressTable(orders) as progress, BlockingRunner(progress.update) as run:
        run.set_caps(orders, run_cap=options.max_cost, project_cap=options.max_project_cost)
        results = run.run_jobs(orders)
        takes = [result for result in results if isinstance(result, Take)]
        failed = [*refused, *(result for result in results if isinstance(result, Failure))]
        progress.set_laying()
        laid = run.call(deliver_takes, timeline, takes, failed, to, drop_original=options.drop_original)
    made = laid.manifest
    if options.json:
        print(json.dumps(made, indent=2, ensure_ascii=False))  # noqa: T201
    else:
        show_result(made, to, timeline.manifest_path(to))
    for error in dict.fromkeys(failure["error"] for failure in made["failed"]):
        _print_message(error, EXIT_FAILED)
    if not takes and failed and all(isinstance(failure.error, InvalidInput) for failure in failed):
        return EXIT_BAD_INPUT
    return EXIT_FAILED if made["failed"] else EXIT_DONE


def _run_models(options: argparse.Namespace) -> int:
    from ..models import find_model, load_catalogue  # noqa: PLC0415
    from . import tables  # noqa: PLC0415

    if options.id == "add":
        return _add_model(options)
    if options.spec is not None:
        raise InvalidInput(f"one model at a time: {options.spec!r} is one too many (see `tracklay models --help`)")
    catalogue = load_catalogue()
    shown = [find_model(options.id, catalogue)] if options.id else list(catalogue.values())
    if options.json:
        told = [tables.model_to_dict(model) for model in shown]
        print(json.dumps(told[0] if options.id else told, indent=2, ensure_ascii=False))  # noqa: T201
    elif options.id:
        tables.show_model(shown[0])
    else:
        tables.show_models(shown)
    return EXIT_DONE


def _create_job_specs(
    cues: Sequence[Cue], to: Path, stem: str, delivery: Delivery
) -> tuple[list[JobSpec], list[Failure]]:
    """The orders for cues, and those that their models cannot do, or whose picture cannot be read; where that is all: the error."""
    from ..jobs import create_job_spec  # noqa: PLC0415

    orders: list[JobSpec] = []
    refused: list[Failure] = []
    for cue in cues:
        try:
            orders.append(replace(create_job_spec(cue, to, stem), delivery=delivery))
        except TracklayError as error:
            refused.append(Failure(cue, error))
    if not orders:
        raise refused[0].error
    for failure in refused:
        failure.error.prefix_with(failure.cue.id)
    return orders, refused


def _add_model(options: argparse.Namespace) -> int:
    import asyncio  # noqa: PLC0415
    from datetime import UTC, datetime  # noqa: PLC0415

    from ..model_import.fetch import AddedModel, add_model  # noqa: PLC0415
    from ..providers.client import close_client  # noqa: PLC0415
    from . import tables  # noqa: PLC0415

    async def import_model() -> AddedModel:
        try:
            return await add_model(options.spec or "", datetime.now(UTC).date().isoformat())
        finally:
            await close_client()

    made = asyncio.run(import_model())
    if options.json:
        told = {**tables.model_to_dict(made.model), "file": str(made.path), "warnings": made.warnings}
        print(json.dumps(told, indent=2, ensure_ascii=False))  # noqa: T201
    else:
        tables.show_model(made.model)
        tables.show_written_file(made.path)
    for warning in made.warnings:
        _print_message(warning, EXIT_DONE)
    return EXIT_DONE


def _run_jobs(options: argparse.Namespace) -> int:
    from ..jobs import admin  # noqa: PLC0415
    from .tables import show_jobs  # noqa: PLC0415

    if options.action in ("cancel", "send", "forget") and not options.ids:
        raise InvalidInput(f"say which: `tracklay jobs {options.action} ID` (`tracklay jobs` lists them)")
    status = EXIT_DONE
    if options.action in ("resume", "collect"):
        status = _resume_jobs(options.ids, allow_submit=options.action == "resume")
    elif options.action == "cancel":
        for number in options.ids:
            _cancel_job(number)
    elif options.action == "forget":
        for number in options.ids:
            admin.discard_job(number)
    elif options.action == "send":
        for number in options.ids:
            admin.resubmit_job(number)
        status = _resume_jobs(options.ids, allow_submit=True)
    told = admin.list_jobs(include_finished=options.all)
    if options.json:
        print(json.dumps(told, indent=2, ensure_ascii=False))  # noqa: T201
    else:
        show_jobs(told)
    return status


def _resume_jobs(job_ids: Sequence[int], *, allow_submit: bool) -> int:
    """Go on with jobs, and lay what comes of them; `allow_submit` says whether what was never sent may be."""
    from ..jobs.delivery import FileDelivery, delivery_of_plan  # noqa: PLC0415
    from ..jobs.runner import BlockingRunner  # noqa: PLC0415
    from ..jobs.states import UNSENT_STATES  # noqa: PLC0415

    failures: list[str] = []
    with BlockingRunner(lambda _: None) as run:
        ended = run.resume(job_ids, lambda job: allow_submit or job.state not in UNSENT_STATES)
        groups: dict[tuple[str, Path, str], list[tuple[Job, list[Take | Failure]]]] = {}
        deliveries: dict[tuple[str, Path, str], FileDelivery] = {}
        for job, results in ended:
            failures += [str(result.error) for result in results if isinstance(result, Failure)]
            delivery = delivery_of_plan(job.plan)
            if isinstance(delivery, FileDelivery) and any(isinstance(result, Take) for result in results):
                key = (job.run, delivery.picture, job.project)
                deliveries.setdefault(key, delivery)
                groups.setdefault(key, []).append((job, results))
        for key, group in groups.items():
            failures += _lay_resumed(run, deliveries[key], group)
    for error in dict.fromkeys(failures):
        _print_message(error, EXIT_FAILED)
    return EXIT_FAILED if failures else EXIT_DONE


def _lay_resumed(
    run: BlockingRunner, delivery: FileDelivery, group: Sequence[tuple[Job, list[Take | Failure]]]
) -> list[str]:
    """Lay what was resumed, with what of the same run lies there already; what went wrong."""
    from ..timelines import open_timeline as open_timeline  # noqa: PLC0415
    from ..timelines.delivery import check_delivery, deliver_takes  # noqa: PLC0415

    first = group[0][0]
    fresh = [result for _, results in group for result in results if isinstance(result, Take)]
    takes = sorted([*run.laid_takes_of_run(first), *fresh], key=lambda take: take.job_id or 0)
    try:
        to = Path(first.project)
        timeline = open_timeline(delivery.picture)
        check_delivery(timeline, to)
        laid = run.call(deliver_takes, timeline, takes, [], to, drop_original=delivery.drop_original)
    except TracklayError as error:
        return [str(error)]
    return [str(failure.error) for failure in laid.failures]


def _cancel_job(job_id: int) -> None:
    """Stop a job, whoever carries it, and say what became of it."""
    from ..jobs import admin  # noqa: PLC0415
    from ..jobs.runner import BlockingRunner  # noqa: PLC0415

    with BlockingRunner(lambda _: None) as run:
        job = run.cancel_unowned(job_id)
    if job is None:
        job = admin.request_cancel(job_id)
    told = (
        job.message
        if job.state == "cancelled"
        else f"it is {job.state}: {job.message or 'its process was told to stop it'}"
    )
    _print_message(f"job {job_id}: {told}", EXIT_DONE)


def _run_report(options: argparse.Namespace) -> int:
    from . import report  # noqa: PLC0415

    for path in report.run_report(options):
        print(path)  # noqa: T201
    return EXIT_DONE


def _run_demo(options: argparse.Namespace) -> int:
    from ..demo import DEMO_CUES, make_clip  # noqa: PLC0415
    from ..paths import ensure_folder  # noqa: PLC0415
    from ..timelines import open_timeline as open_timeline  # noqa: PLC0415

    clip = make_clip(ensure_folder(options.to.absolute()) / "demo.mp4")
    timeline = open_timeline(clip)
    each = enumerate((cue for wanted in DEMO_CUES for cue in timeline.cues(**wanted)), 1)
    cues = [replace(cue, id=str(number)) for number, cue in each]
    options.json, options.max_cost, options.max_project_cost, options.drop_original = False, None, None, True
    return _generate_and_lay(timeline, cues, clip.parent / "tracklay", options)


def _run_doctor(options: argparse.Namespace) -> int:  # noqa: ARG001 - the shape of every command
    from .doctor import run_checks  # noqa: PLC0415
    from .tables import show_findings  # noqa: PLC0415

    return EXIT_DONE if show_findings(run_checks()) else EXIT_FAILED


if __name__ == "__main__":
    sys.exit(main())
