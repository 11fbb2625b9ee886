"""Tables that the command prints on stdout: results, jobs, models, findings."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ..jobs.costs import estimate_cost
from ..models.plan_terms import plan_terms, terms_text
from ..scoring.ranking import reason_texts
from .console import PlainConsole

if TYPE_CHECKING:
    from ..jobs.costs import BilledRange
    from ..jobs.job_spec import JobSpec
    from ..models import ContinuationInput, Model, Parameter, Price
    from .doctor import Finding


def show_result(result: dict[str, Any], folder: Path, manifest_path: Path) -> None:
    """Print the takes of a run, and the paths of the laid picture and the manifest."""
    console = PlainConsole()
    table = Table(box=None, pad_edge=False, header_style="dim")
    is_scored = any("score" in entry for entry in result["takes"])
    for heading in ("take", "start", "length", "seed", "made by", *(("score",) if is_scored else ())):
        table.add_column(heading, justify="right" if heading in ("start", "length") else "left")
    for entry in result["takes"]:
        numerator, _, denominator = entry["start"]["seconds"].partition("/")
        start = int(numerator) / int(denominator)
        length = entry["samples"] / entry["sample_rate"]
        score = entry.get("score", {})
        value = (f"{score['value']:.0f}",) if score else ()
        table.add_row(
            Text(entry["file"]), f"{start:.3f} s", f"{length:.3f} s", str(entry["seed"]), entry["model"], *value
        )
    if result["takes"]:
        console.print(table)
        for entry in result["takes"]:
            reasons = ", ".join(reason_texts(entry.get("score", {})))
            for note in (*([reasons] if reasons else []), *entry["notes"]):
                console.print(Text(f"{entry['file']}: {note}", "dim"), soft_wrap=True)
        # Paths are never wrapped, so that they can be copied.
        for label, path in (("picture", result["laid"]), ("manifest", manifest_path.name)):
            if path:
                # One line each: a line break in a name must not look like another line of the table.
                console.print(Text(f"{label:<9}{' '.join(str(folder / path).splitlines())}"), soft_wrap=True)


def show_estimates(specs: Sequence[JobSpec]) -> None:
    """Print the length, the number of parts, the estimated cost and the tempo that is asked for of specs, a line for each."""
    console = PlainConsole()
    for spec in specs:
        takes = f"{spec.cue.takes} takes, " if spec.cue.takes > 1 else ""
        parts = len(spec.request_seconds)
        length = f"{_seconds_text(spec.cue.request_span.frames, spec)}{_handles_text(spec)}"
        length += f" in {parts} parts" if parts > 1 else ""
        cost = amount_text(estimate_cost(spec), spec.model.price.currency)
        tempo = "" if spec.cue.tempo is None else f", tempo {spec.cue.tempo:g}"
        console.print(Text(f"{spec.cue.id}  {spec.model.id}: {takes}{length}, {cost}{tempo}"), soft_wrap=True)


def _seconds_text(frames: int, spec: JobSpec) -> str:
    return f"{round(float(spec.cue.span.rate.seconds(frames)), 2):g} s"


def _handles_text(spec: JobSpec) -> str:
    """Return ` with handles of 1 s and 0.5 s`; nothing without handles."""
    handles = [_seconds_text(frames, spec) for frames in spec.cue.handles]
    return f" with handles of {' and '.join(handles)}" if any(spec.cue.handles) else ""


def amount_text(amount: Decimal | None, currency: str) -> str:
    """Return `0.48 USD`, `0.0031 USD`, `free` or `price not known`."""
    if amount is None:
        return "price not known"
    if not amount:
        return "free"
    return f"{amount:.2f} {currency}" if amount >= Decimal("0.01") else f"{float(amount):.2g} {currency}"


JOB_STYLES = {"laid": "green", "ready": "green", "failed": "red", "unclear": "yellow", "cancelled": "dim"}


def show_jobs(listing: dict[str, Any]) -> None:
    """Print the jobs of the ledger, and their cost by provider, project and day."""
    console = PlainConsole()
    if not listing["jobs"]:
        console.print("no jobs")
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("job", "state", "model", "picture", "take", "seed", "cost", ""):
        table.add_column(heading, no_wrap=heading in ("job", "state", "model"))
    for job in listing["jobs"]:
        state = Text(job["state"], JOB_STYLES.get(job["state"], ""))
        detail = job["message"] or ", ".join(job["files"]) or ("running" if job["active"] else "")
        source = job["picture"].replace("\\", "/").rpartition("/")[2]
        cost = cost_text(job["cost"])
        seed = str(job["seed"])
        take = f"{job['take']}, part {job['part']}" if job["part"] else str(job["take"])
        table.add_row(str(job["id"]), state, job["model"], source, take, seed, cost, Text(detail, "dim"))
    if listing["jobs"]:
        console.print(table)
    if listing["older"]:
        console.print(Text(f"Earlier jobs: tracklay jobs --all --before {listing['older']}", "dim"), soft_wrap=True)
    if any(listing["sums"].values()):
        console.print()
        show_costs(listing["sums"], ("provider", "project", "day"))


def show_costs(sums: dict[str, list[dict[str, Any]]], groups: Sequence[str]) -> None:
    """Print what was spent: what providers reported, what was expected of the same jobs, and the estimates of the others."""
    console = PlainConsole()
    spent = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("cost by", "", "jobs", "charged", "expected", "estimated", "price not known"):
        spent.add_column(heading, justify="left" if heading in ("cost by", "") else "right")
    for group in groups:
        for row in sums[group]:
            charged, expected, estimated = (
                f"{row[kind]} {row['currency']}" for kind in ("confirmed", "expected", "estimated")
            )
            name = Text(row["name"], overflow="fold")
            spent.add_row(group, name, str(row["jobs"]), charged, expected, estimated, str(row["unknown"] or ""))
    console.print(spent if spent.rows else "nothing was sent")


def show_facts(name: str, facts: Sequence[tuple[str, str]]) -> None:
    """Print the name of something and what is known of it, a row each."""
    console = PlainConsole()
    console.print(Text(name, "bold"))
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for heading, text in facts:
        table.add_row(heading, Text(text))
    console.print(Padding(table, (0, 0, 0, 2)))


def cost_text(cost: dict[str, Any]) -> str:
    """Return `0.05 USD`, `about 0.05 USD`, or `not known`."""
    if cost["currency"] is None:
        return ""
    if cost["amount"] is None:
        return "not known"
    return f"{'about ' if cost['estimated'] and cost['amount'] != '0' else ''}{cost['amount']} {cost['currency']}"


def show_models(models: Sequence[Model]) -> None:
    """Print the catalogue."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("model", "task", "takes", "seconds", "price", "commercial use"):
        table.add_column(heading, no_wrap=heading == "model")
    for model in sorted(models, key=lambda model: (model.task, model.id)):
        table.add_row(
            model.id,
            model.task,
            inputs_text(model),
            seconds_text(model),
            price_text(model.price),
            {True: Text("yes"), False: Text("no", "yellow"), None: Text("not known", "dim")}[model.licence.commercial],
        )
    console = PlainConsole()
    console.print(table)
    console.print(Text("`tracklay models ID` shows a model's parameters, limits and licence.", "dim"))


def _bills_text(bills: BilledRange) -> str:
    """Return `0.01 to 0.04 USD a take so far (10 to 40 s of computing)`."""
    seconds = f"{_range_text(bills.compute_seconds)} s of computing"
    return (
        f"{_range_text(bills.amounts)} {bills.currency} a take so far ({seconds})"
        if bills.amounts
        else f"{seconds} a take so far"
    )


def _range_text(limits: tuple[float, float]) -> str:
    return " to ".join(dict.fromkeys(f"{limit:.4g}" for limit in limits))


def show_model(model: Model, bills: BilledRange | None) -> None:
    """Print one model with its parameters, and what its takes were charged so far if that cannot be known before."""
    console = PlainConsole()
    console.print(Text(f"{model.id}  {model.title}", "bold"))
    console.print(Text(model.summary))
    facts = Table(box=None, pad_edge=False, show_header=False)
    facts.add_column(style="dim")
    facts.add_column()
    rows = (
        ("task", model.task),
        ("takes", inputs_text(model)),
        *([("looks at", model.looks)] if model.looks else []),
        *([("tempo", f"asked for as {model.tempo_words!r}")] if model.tempo_words else []),
        ("seconds", seconds_text(model)),
        *([("continues", continues_text(model.continues))] if model.continues else []),
        ("price", price_text(model.price)),
        *([("charged", _bills_text(bills))] if bills else []),
        ("licence", model.licence.name),
        *([("commercial use", terms_text(terms.to_dict()))] if (terms := plan_terms(model)) else []),
        *([] if model.repeats_by_seed else [("repeats", "no: the same request gives another sound each time")]),
        *(("unconfirmed", fact) for fact in model.unconfirmed),
    )
    for row in rows:
        facts.add_row(*row)
    console.print(facts)
    for parameter in model.settable_by_name:
        console.print()
        kind = " ".join(part for part in (parameter.type, parameter.unit and f"in {parameter.unit}") if part)
        default = _default_text(parameter)
        about = f"  {kind}{f', default {default}' if default else ', required' if parameter.required else ''}"
        console.print(Text.assemble(("--set ", "dim"), (f"{parameter.name}=", "bold"), (about, "dim")))
        limits = f"{parameter.limits_text[0].upper()}{parameter.limits_text[1:]}." if parameter.limits_text else ""
        console.print(Padding(Text(f"{parameter.help} {limits}".strip()), (0, 0, 0, 4)))


def continues_text(continues: ContinuationInput) -> str:
    """Return how much music a model is given to continue."""
    return f"music, from its last {continues.seconds:g} s"


def inputs_text(model: Model) -> str:
    """Return the inputs of a model: `video and text`, or `video, image or text` if the user chooses."""
    if mode := model.parameter_for_role("mode"):
        return " or ".join(filter(None, (", ".join(mode.choices[:-1]), mode.choices[-1])))
    return " and ".join(model.needs) or "text"


def show_written_file(path: Path) -> None:
    """Print the path of a written file, never wrapped, so that it can be copied."""
    PlainConsole().print(Text(f"written  {path}"), soft_wrap=True)


def model_to_dict(model: Model) -> dict[str, Any]:
    """Return a model's catalogue fields as plain data."""
    return dataclasses.asdict(model)


def show_findings(findings: Sequence[Finding], *, bad_mark: str = "missing") -> bool:
    """Print findings, and return whether none of them is bad. `bad_mark` is the word before a bad one."""
    table = Table(box=None, pad_edge=False, show_header=False)
    for finding in findings:
        mark, style = {True: ("ok", "green"), False: (bad_mark, "red"), None: ("-", "dim")}[finding.ok]
        table.add_row(Text(mark, style), finding.name, Text(finding.detail, overflow="fold"))
    PlainConsole().print(table)
    return all(finding.ok is not False for finding in findings)


def _default_text(parameter: Parameter) -> str:
    if parameter.role == "seconds":
        return "the span's"
    if parameter.default in (None, ""):
        return ""
    return str(parameter.default).lower() if isinstance(parameter.default, bool) else f"{parameter.default}"


def seconds_text(model: Model) -> str:
    """Return `any`, `1 to 30`, `up to 600`, or `5 or more`."""
    least, most = model.seconds.least, model.seconds.most
    if most is None:
        return f"{least:g} or more" if least else "any"
    return f"{least:g} to {most:g}" if least else f"up to {most:g}"


def price_text(price: Price) -> str:
    """Return `free`, `0.001 USD a second`, or `not known`."""
    if price.amount is None:
        return "not known"
    return "free" if float(price.amount) == 0 else f"{price.amount} {price.currency} a {price.per.replace('_', ' ')}"
