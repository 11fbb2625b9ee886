"""Runs `tracklay jobs`: lists the ledger, resumes, collects, cancels, resubmits and discards jobs."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from ..cue import Failure, Take
from ..errors import InvalidInput, TracklayError
from ..jobs import admin
from ..jobs.costs import bills_csv, parse_day
from ..jobs.delivery import FileDelivery, delivery_of_plan
from ..jobs.ledger import Job
from ..jobs.ledger_repair import repair_ledger
from ..jobs.runner import BlockingRunner
from ..jobs.states import UNSENT_STATES
from ..timelines import open_timeline
from ..timelines.delivery import check_delivery
from .exit_status import EXIT_DONE, EXIT_FAILED
from .messages import print_json, print_message, print_messages, print_text
from .mix import lay_and_mix, measures_line
from .tables import show_costs, show_jobs

JobResults = tuple[Job, list[Take | Failure]]


def run_list(options: argparse.Namespace) -> int:
    """Run `tracklay jobs list` and return the exit status."""
    if options.costs:
        return _show_costs(options)
    if options.csv or options.since:
        raise InvalidInput("jobs.only_with_costs", "--since and --csv belong to --costs. Add it.")
    if options.before is not None and not options.all:
        raise InvalidInput("jobs.only_with_all", "--before belongs to --all. Add it.")
    listing = admin.list_jobs(include_finished=options.all, before=options.before)
    if options.json:
        print_json(listing)
    else:
        show_jobs(listing)
    return EXIT_DONE


def _show_costs(options: argparse.Namespace) -> int:
    since = parse_day(options.since) if options.since else ""
    if options.csv:
        print_text(bills_csv(admin.list_costs(since)))
    elif options.json:
        print_json({"costs": admin.list_costs(since), "sums": admin.list_cost_sums(since)})
    else:
        show_costs(admin.list_cost_sums(since), ("project", "model", "month"))
    return EXIT_DONE


def run_resume(options: argparse.Namespace) -> int:
    """Run `tracklay jobs resume` and return the exit status."""
    status = _resume_jobs(options.ids, options.describe, allow_submit=True)
    run_list(options)
    return status


def run_collect(options: argparse.Namespace) -> int:
    """Run `tracklay jobs collect` and return the exit status."""
    status = _resume_jobs(options.ids, options.describe, allow_submit=False)
    run_list(options)
    return status


def run_cancel(options: argparse.Namespace) -> int:
    """Run `tracklay jobs cancel` and return the exit status."""
    for job_id in options.ids:
        _cancel_job(job_id)
    return run_list(options)


def run_resubmit(options: argparse.Namespace) -> int:
    """Run `tracklay jobs resubmit` and return the exit status."""
    for job_id in options.ids:
        admin.resubmit_job(job_id)
    return run_resume(options)


def run_discard(options: argparse.Namespace) -> int:
    """Run `tracklay jobs discard` and return the exit status."""
    for job_id in options.ids:
        admin.discard_job(job_id)
    return run_list(options)


def run_repair(options: argparse.Namespace) -> int:
    """Run `tracklay jobs repair` and return the exit status."""
    result = repair_ledger()
    if result.kept is None:
        print_message(f"The ledger is intact: {result.saved} jobs.")
        return run_list(options)
    print_message(f"Saved {result.saved} jobs. The damaged ledger is kept as {result.kept}.")
    for each in result.lost:
        request = f", request {each['request']} at {each['provider']}" if each["request"] else ""
        print_message(f"Lost: job {each['id']}{request} ({each['reason']}).")
    run_list(options)
    return EXIT_FAILED if result.lost else EXIT_DONE


def _resume_jobs(job_ids: Sequence[int], describe: Callable[[TracklayError], str], *, allow_submit: bool) -> int:
    """Continue jobs, lay their takes, and return the exit status. Jobs that were never sent need `allow_submit`."""
    failures: list[str] = []
    with BlockingRunner(lambda _: None) as runner:
        finished = runner.resume(
            job_ids, lambda job: allow_submit or job.state not in UNSENT_STATES, may_submit=allow_submit
        )
        # Jobs of one run share one laid file: laid one by one, each would replace the sound of the one before.
        groups: dict[tuple[str, Path, str], list[JobResults]] = {}
        deliveries: dict[tuple[str, Path, str], FileDelivery] = {}
        for job, results in finished:
            failures += [describe(result.error) for result in results if isinstance(result, Failure)]
            delivery = delivery_of_plan(job.plan)
            if isinstance(delivery, FileDelivery) and any(isinstance(result, Take) for result in results):
                key = (job.run, delivery.picture, job.project)
                deliveries.setdefault(key, delivery)
                groups.setdefault(key, []).append((job, results))
        for key, group in groups.items():
            failures += _lay_resumed(runner, deliveries[key], group, describe)
    print_messages(failures)
    return EXIT_FAILED if failures else EXIT_DONE


def _lay_resumed(
    runner: BlockingRunner,
    delivery: FileDelivery,
    group: Sequence[JobResults],
    describe: Callable[[TracklayError], str],
) -> list[str]:
    """Lay new takes with those of the same run that are laid already, mix them if the run was to, and return the error messages."""
    first = group[0][0]
    new_takes = [result for _, results in group for result in results if isinstance(result, Take)]
    takes = sorted([*runner.laid_takes_of_run(first), *new_takes], key=lambda take: take.job_id or 0)
    try:
        to = Path(first.project)
        timeline = open_timeline(delivery.picture, delivery.style)
        check_delivery(timeline, to)
        laid, mixed, notes = lay_and_mix(runner, timeline, takes, [], to, delivery, describe)
    except TracklayError as error:
        return [describe(error)]
    if laid.failures:
        return [describe(failure.error) for failure in laid.failures]
    if mixed:
        print_messages([f"{mixed.mix.name}: {measures_line(mixed.plan.measures, mixed.plan.channels)}", *notes])
    return [] if mixed else notes


def _cancel_job(job_id: int) -> None:
    """Cancel a job, in this process or in the one that runs it, and print the outcome."""
    with BlockingRunner(lambda _: None) as runner:
        job = runner.cancel_unowned(job_id)
    if job is None:
        job = admin.request_cancel(job_id)
    outcome = job.message or "cancellation was requested from the process that runs it"
    print_message(f"job {job_id}: {outcome if job.state == 'cancelled' else f'{job.state}: {outcome}'}")
