"""Runs `tracklay lay`: generates the takes of a picture's cues and lays them."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from ..batch import worklist_writer
from ..cue import Cue, Failure, Take
from ..errors import InvalidInput, OverBudget, TracklayError
from ..jobs.costs import check_budget, parse_amount, parse_factor
from ..jobs.costs.estimates import estimate_to_dict
from ..jobs.delivery import USUAL_STYLE, CopyStyle, Delivery, FileDelivery
from ..jobs.job_spec import create_job_specs
from ..jobs.runner import BlockingRunner
from ..mix.presets import absolute_preset, load_preset
from ..models import EXTRA_PREFIX, Model, find_model, load_catalogue
from ..resolve.otio_route import COPY_STYLE as RESOLVE_COPY_STYLE
from ..scoring.repair import plan_repairs
from ..timelines import open_timeline
from ..timelines.delivery import check_delivery
from ..timelines.formats import is_otio_readable
from ..timelines.handles import add_handles
from ..timelines.hit_points import add_hits, tail_frames
from ..timelines.mixing.targets import check_mixable
from ..timelines.watching import FolderWatcher
from .exit_status import EXIT_BAD_INPUT, EXIT_DONE, EXIT_FAILED
from .messages import print_json, print_message, print_messages
from .mix import lay_and_mix, show_mix
from .options.lay import DEFAULT_MODEL
from .progress import TakeProgressTable
from .tables import show_estimates, show_result, show_written_file

if TYPE_CHECKING:
    from ..timelines.base import Timeline


WATCH_SECONDS = 1.0
"""Interval at which a watched folder is read."""


def run_lay(options: argparse.Namespace) -> int:
    """Run the command and return the exit status."""
    if options.watch is not None:
        return _watch_folder(options)
    return _lay_picture(options)


def _watch_folder(options: argparse.Namespace) -> NoReturn:
    """Lay every timeline that arrives in a folder, until the user interrupts. One that cannot be laid does not stop the others.

    What was laid in an earlier run, and has not changed since, is not laid again.
    """

    def is_timeline_file(path: Path) -> bool:
        return is_otio_readable(path) and ".tracklay." not in path.name

    def is_laid(path: Path) -> bool:
        folder = options.to or path.parent / "tracklay"
        laid = folder / f"{path.stem}.tracklay.otio"
        return laid.is_file() and laid.stat().st_mtime >= path.stat().st_mtime

    watcher = FolderWatcher(options.watch, is_timeline_file, is_laid)
    print_message(f"Watching {options.watch}. Interrupt to end.")
    while True:
        for path in watcher.find_complete():
            try:
                _lay_picture(argparse.Namespace(**{**vars(options), "picture": path}))
            except TracklayError as error:
                print_message(options.describe(error.prefix_with(str(path))))
        time.sleep(WATCH_SECONDS)


def _lay_picture(options: argparse.Namespace) -> int:
    models = _find_models(options)
    model = models[0]
    style = copy_style(options)
    timeline = open_timeline(options.picture, style)
    if options.mix is not None:
        load_preset(options.mix)  # only validates
        check_mixable(timeline)
    fields: dict[str, Any] = {
        "model": model.id,
        "prompt": options.prompt,
        "negative": options.negative,
        "seed": options.seed,
        "takes": options.takes,
        "params": parse_params(model, options.params),
        "square": options.square,
        "land": options.land,
        "best": options.best or options.repair,
        "fit": options.fit,
        "parts": options.parts,
    }
    points = options.in_point, options.out_point
    if options.as_one:
        cues = [timeline.joined_cue(*points, only=options.only, **fields)]
    else:
        cues = timeline.cues(*points, only=options.only, **fields)
    if model.task != "music" and (named := "--hits" if options.hits else "--tail" if options.tail else ""):
        raise InvalidInput(
            "usage.hits_without_music",
            "{option} needs a music model, and {model} makes other sound. Add --model sketch/music or another.",
            option=named,
            model=model.id,
        )
    if options.tail is not None:
        cues = [replace(cue, tail=tail_frames(options.tail, cue.span.rate)) for cue in cues]
    if options.hits:
        cues = add_hits(timeline, cues, options.hits)
    if options.handles is not None:
        cues = add_handles(cues, options.handles)
    for other in models[1:]:
        params = parse_params(other, options.params)
        cues += [replace(cue, model=other.id, params=params) for cue in cues if cue.model == model.id]
    to: Path = options.to or timeline.folder
    if options.plan:
        return _write_worklist(timeline, cues, to, options)
    if options.dry_run:
        return _print_dry_run(timeline, cues, to, options)
    return generate_and_lay(
        timeline,
        cues,
        to,
        options.describe,
        drop_original=options.drop_original,
        style=style,
        run_cap=options.max_cost,
        project_cap=options.max_project_cost,
        max_overrun=options.max_overrun,
        repair=options.repair,
        mix=absolute_preset(options.mix) if options.mix else "",
        as_json=options.json,
    )


def copy_style(options: argparse.Namespace) -> CopyStyle:
    """Return how a timeline's copy is written: for an editor, as usual for none.

    Raises:
        InvalidInput: the timeline's own sound is wanted for none, or a mix for one.
    """
    if options.original_wav and options.editor is None:
        raise InvalidInput("usage.original_wav", "--original-wav needs --for.")
    if options.mix is not None and options.editor is not None:
        raise InvalidInput(
            "usage.mix_for_editor",
            "--mix cannot be combined with --for. Run `tracklay mix` for the mixed WAV and lay that.",
        )
    style = RESOLVE_COPY_STYLE if options.editor == "resolve" else USUAL_STYLE
    return replace(style, own_sound=options.original_wav)


def _find_models(options: argparse.Namespace) -> list[Model]:
    """Return the models of the options, each once.

    Raises:
        InvalidInput: one is unknown, or several are named where one is expected.
    """
    names = list(dict.fromkeys(options.models or [DEFAULT_MODEL]))
    if len(names) > 1 and not (options.best or options.repair):
        raise InvalidInput(
            "usage.models_without_best",
            "--model is given more than once. Add --best to lay the best take of all models.",
        )
    if len(names) > 1 and options.plan:
        raise InvalidInput("usage.plan_with_models", "--plan needs one --model. Write a work list for each model.")
    catalogue = load_catalogue()
    return [find_model(name, catalogue) for name in names]


def _write_worklist(timeline: Timeline, cues: Sequence[Cue], to: Path, options: argparse.Namespace) -> int:
    """Write the work list that `tracklay batch` needs to do what this command would do."""
    if options.square:
        raise InvalidInput(
            "usage.plan_with_square", "--square cannot be combined with --plan. Work lists have no such column."
        )
    fields = {"in": options.in_point, "out": options.out_point, "drop_original": options.drop_original or None}
    if options.as_one and options.only:
        span = cues[0].span
        fields |= {"in": timeline.point_text(span.start), "out": timeline.point_text(span.end)}
    fields |= {"as_one": options.as_one or None, "best": options.best or None, "repair": options.repair or None}
    fields["mix"] = options.mix
    fields["parts"] = None if options.parts == "auto" else options.parts
    fields["hits"] = options.hits
    fields["tail"] = options.tail
    fields["handles"] = options.handles
    fields["fit"] = None if options.fit == "auto" else options.fit
    fields["land"] = None if options.land == "auto" else options.land
    # All cues of one command share its options.
    fields |= {name: getattr(cues[0], name) for name in ("model", "prompt", "negative", "takes", "seed")}
    worklist = worklist_writer.build_worklist_tables(timeline, cues, {**fields, "params": dict(cues[0].params)}, to)
    if options.json:
        print_json(worklist)
    else:
        show_written_file(worklist_writer.write_worklist(timeline, worklist))
    return EXIT_DONE


def _print_dry_run(timeline: Timeline, cues: Sequence[Cue], to: Path, options: argparse.Namespace) -> int:
    """Print the length, the number of parts and the cost of each cue. Nothing is sent or written."""
    specs, refused = create_job_specs(cues, to.absolute(), timeline.output_stem(to), Delivery(), check_key=False)
    if options.json:
        print_json({"cues": [estimate_to_dict(spec) for spec in specs]})
    else:
        show_estimates(specs)
    print_messages([options.describe(failure.error) for failure in refused])
    return EXIT_FAILED if refused else EXIT_DONE


def parse_params(model: Model, assignments: Sequence[str]) -> dict[str, Any]:
    """Parse `NAME=VALUE` assignments into a model's parameters.

    Raises:
        InvalidInput: an assignment has no value, or the model does not accept it.
    """
    params: dict[str, Any] = {}
    for assignment in assignments:
        name, separator, value = assignment.partition("=")
        if not separator:
            raise InvalidInput(
                "usage.param_without_value",
                "--set {assignment} has no value. Write --set NAME=VALUE.",
                assignment=assignment,
            )
        try:
            params[name] = value if name.startswith(EXTRA_PREFIX) else model.find_parameter(name).parse(value)
        except InvalidInput as error:
            raise error.prefix_with(f"--set {assignment}") from None
    return params


def generate_and_lay(
    timeline: Timeline,
    cues: Sequence[Cue],
    to: Path,
    describe: Callable[[TracklayError], str],
    *,
    drop_original: bool,
    style: CopyStyle = USUAL_STYLE,
    run_cap: str | None = None,
    project_cap: str | None = None,
    max_overrun: str | None = None,
    repair: bool = False,
    mix: str = "",
    as_json: bool = False,
) -> int:
    """Generate the takes of cues, lay them, print the result, and return the exit status.

    Args:
        timeline: the timeline that the cues belong to.
        cues: the cues.
        to: the output folder.
        describe: words an error.
        drop_original: leave out the picture's own sound.
        style: how the timeline's copy is written.
        run_cap: budget cap of this run, as decimal text.
        project_cap: budget cap of the output folder, as decimal text.
        max_overrun: how many times their estimates the run's bills may be, as decimal text.
        repair: generate the worst stretch of each cue's best take again, within the caps.
        mix: preset with which what was laid is mixed, as `FileDelivery` has it; empty: no mix.
        as_json: print the manifest alone on stdout.

    Raises:
        TracklayError: no cue can be generated, or the ledger or the folder cannot be used.
    """
    to = to.absolute()
    # All that laying needs later, in `tracklay jobs resume` as well, is stored with each job.
    delivery = FileDelivery(timeline.path.absolute(), drop_original, mix, style)
    specs, refused = create_job_specs(cues, to, timeline.output_stem(to), delivery)
    check_budget(specs, run_cap)
    if project_cap is not None:
        parse_amount(project_cap, "--max-project-cost")  # only validates: the runner stores the text
    if max_overrun is not None:
        parse_factor(max_overrun, "--max-overrun")  # validates too
    check_delivery(timeline, to)
    with TakeProgressTable(specs) as progress, BlockingRunner(progress.update) as runner:
        runner.set_caps(specs, run_cap=run_cap, project_cap=project_cap, max_overrun=max_overrun)
        results = runner.run_jobs(specs)
        notes: list[str] = []
        if repair:
            results, notes = _repair_takes(runner, progress, results, to, timeline.output_stem(to), delivery)
        takes = [result for result in results if isinstance(result, Take)]
        failed = [*refused, *(result for result in results if isinstance(result, Failure))]
        progress.set_laying()
        laid, mixed, mix_notes = lay_and_mix(runner, timeline, takes, failed, to, delivery, describe)
    manifest = laid.manifest
    if mixed:
        manifest["mix"] = mixed.summary()
    notes += mix_notes
    if as_json:
        print_json(manifest)
    else:
        show_result(manifest, to, timeline.manifest_path(to))
        if mixed:
            show_mix(mixed)
    print_messages([*notes, *laid.notes, *(failure["error"] for failure in manifest["failed"])])
    if not takes and failed and all(isinstance(failure.error, InvalidInput) for failure in failed):
        return EXIT_BAD_INPUT
    is_unmixed = bool(mix) and mixed is None
    return EXIT_FAILED if manifest["failed"] or is_unmixed else EXIT_DONE


def _repair_takes(
    runner: BlockingRunner,
    progress: TakeProgressTable,
    results: list[Take | Failure],
    to: Path,
    stem: str,
    delivery: Delivery,
) -> tuple[list[Take | Failure], list[str]]:
    """Generate the worst stretch of each cue's best take again; return all results, and notes on what was not repaired.

    What a cap or the model's limits forbid is a note and no failure: the takes are whole without it.
    """
    cues = plan_repairs([result for result in results if isinstance(result, Take)])
    if not cues:
        return results, []
    try:
        specs, refused = create_job_specs(cues, to, stem, delivery)
    except InvalidInput as error:
        return results, [f"not repaired: {error}"]
    progress.add_specs(specs)
    repaired = runner.run_jobs(specs)
    over = [result for result in repaired if isinstance(result, Failure) and isinstance(result.error, OverBudget)]
    notes = [f"not repaired: {failure.error}" for failure in (*refused, *over) if failure not in results]
    return [result for result in repaired if result in results or result not in over], notes
