"""What the command shows: a live table while cues are on their way, and plain tables of models, takes and findings."""

from __future__ import annotations

import dataclasses
import threading
from typing import TYPE_CHECKING, Any, Self

from rich.console import Console
from rich.live import Live
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import TracebackType

    from ..jobs import JobSpec, StageProgress
    from ..models import Model, Parameter, Price
    from .doctor import Finding

STAGE_LABELS = {
    "extract": "extracting picture",
    "generate": "generating",
    "conform": "conforming",
    "ready": "ready",
    "failed": "failed",
}
STAGE_STYLES = {"ready": "green", "failed": "red"}


class TakeProgressTable:
    """The live table of a run, on stderr: stdout is for what comes of it."""

    def __init__(self, specs: Sequence[JobSpec]) -> None:
        self._rows: dict[tuple[str, int], tuple[str, StageProgress | None]] = {
            (order.cue.id, index): (order.model.id, None) for order in specs for index in range(order.cue.takes)
        }
        self._console = Console(stderr=True)
        self._lock = threading.Lock()
        self._is_laying = False
        self._live = Live(get_renderable=self._build_table, console=self._console, transient=True, refresh_per_second=8)

    def __enter__(self) -> Self:
        """Begin to show it."""
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take it away again."""
        self._live.stop()

    def update(self, step: StageProgress) -> None:
        """Note where a take is."""
        with self._lock:
            model, _ = self._rows[step.cue, step.take_index]
            self._rows[step.cue, step.take_index] = model, step

    def set_laying(self) -> None:
        """Note that the takes are being laid."""
        self._is_laying = True

    def _build_table(self) -> Table:
        table = Table(box=None, pad_edge=False, header_style="dim")
        for heading in ("cue", "take", "model", "stage", ""):
            table.add_column(heading)
        with self._lock:
            rows = list(self._rows.items())
        for (cue, index), (model, step) in rows:
            stage = (
                "waiting"
                if step is None
                else "laying"
                if self._is_laying and step.stage == "ready"
                else STAGE_LABELS[step.stage]
            )
            style = STAGE_STYLES.get(step.stage, "") if step else "dim"
            table.add_row(
                cue, str(index + 1), model, Text(stage, style), Text(_progress_text(step), "dim", overflow="ellipsis")
            )
        return table


def _progress_text(step: StageProgress | None) -> str:
    if step is None or step.stage == "ready":
        return ""
    share = "" if step.fraction is None else f"{step.fraction:.0%} "
    return share + step.message


def show_result(result: dict[str, Any], folder: Path, manifest_path: Path) -> None:
    """What a run made, in a table, and where it lies."""
    console = Console()
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("take", "start", "length", "seed", "made by"):
        table.add_column(heading, justify="right" if heading in ("start", "length") else "left")
    for entry in result["takes"]:
        numerator, _, denominator = entry["start"]["seconds"].partition("/")
        start = int(numerator) / int(denominator)
        length = entry["samples"] / entry["sample_rate"]
        table.add_row(Text(entry["file"]), f"{start:.3f} s", f"{length:.3f} s", str(entry["seed"]), entry["model"])
    if result["takes"]:
        console.print(table)
        for entry in result["takes"]:
            unknown = entry["understood"].get("unknown")
            for note in (*entry["notes"], *([f"not understood: {', '.join(unknown)}"] if unknown else [])):
                console.print(Text(f"{entry['file']}: {note}", "dim"), soft_wrap=True)
        # Paths are printed whole, never wrapped: they are there to be copied.
        for what, path in (("picture", result["laid"]), ("manifest", manifest_path.name)):
            if path:
                console.print(Text(f"{what:<9}{folder / path}"), soft_wrap=True)


JOB_STYLES = {"laid": "green", "ready": "green", "failed": "red", "unclear": "yellow", "cancelled": "dim"}


def show_jobs(listing: dict[str, Any]) -> None:
    """The ledger as tables: the jobs, and what they cost."""
    console = Console()
    if not listing["jobs"]:
        console.print("no jobs")
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("job", "state", "model", "picture", "take", "seed", "cost", ""):
        table.add_column(heading, no_wrap=heading in ("job", "state", "model"))
    for job in listing["jobs"]:
        state = Text(job["state"], JOB_STYLES.get(job["state"], ""))
        said = job["message"] or ", ".join(job["files"]) or ("" if not job["active"] else "under way")
        source = job["picture"].replace("\\", "/").rpartition("/")[2]
        cost = cost_text(job["cost"])
        seed = str(job["seed"])
        table.add_row(str(job["id"]), state, job["model"], source, str(job["take"]), seed, cost, Text(said, "dim"))
    if listing["jobs"]:
        console.print(table)
    spent = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("spent by", "", "jobs", "told", "estimated", "price not known"):
        spent.add_column(heading, justify="left" if heading in ("spent by", "") else "right")
    by: str
    for by, each in listing["sums"].items():
        for row in each:
            told, about = (f"{row[kind]} {row['currency']}" for kind in ("confirmed", "estimated"))
            spent.add_row(
                by, Text(row["name"], overflow="fold"), str(row["jobs"]), told, about, str(row["unknown"] or "")
            )
    if spent.rows:
        console.print()
        console.print(spent)


def cost_text(cost: dict[str, Any]) -> str:
    """`0.05 USD`, `about 0.05 USD`, or `not known`."""
    if cost["currency"] is None:
        return ""
    if cost["amount"] is None:
        return "not known"
    return f"{'about ' if cost['estimated'] and cost['amount'] != '0' else ''}{cost['amount']} {cost['currency']}"


def show_models(models: Sequence[Model]) -> None:
    """The catalogue as a table."""
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
    console = Console()
    console.print(table)
    console.print(Text("`tracklay models ID` tells one whole: its parameters, its limits, its licence.", "dim"))


def show_model(model: Model) -> None:
    """One model, with its parameters."""
    console = Console()
    console.print(Text(f"{model.id}  {model.title}", "bold"))
    console.print(Text(model.summary))
    facts = Table(box=None, pad_edge=False, show_header=False)
    facts.add_column(style="dim")
    facts.add_column()
    rows = (
        ("task", model.task),
        ("takes", inputs_text(model)),
        *([("looks at", model.looks)] if model.looks else []),
        ("seconds", seconds_text(model)),
        ("price", price_text(model.price)),
        ("licence", model.licence.name),
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


def inputs_text(model: Model) -> str:
    """`video and text`, or, where the person chooses, `video, image or text`."""
    if mode := model.parameter_for_role("mode"):
        return " or ".join(filter(None, (", ".join(mode.choices[:-1]), mode.choices[-1])))
    return " and ".join(model.needs) or "text"


def show_written_file(path: Path) -> None:
    """Where something was written: whole, never wrapped, for it is there to be copied."""
    Console().print(Text(f"written  {path}"), soft_wrap=True)


def model_to_dict(model: Model) -> dict[str, Any]:
    """One model as plain data: the catalogue's own fields."""
    return dataclasses.asdict(model)


def show_findings(findings: Sequence[Finding]) -> bool:
    """What the doctor found; whether all that is needed is there."""
    table = Table(box=None, pad_edge=False, show_header=False)
    for finding in findings:
        mark, style = {True: ("ok", "green"), False: ("missing", "red"), None: ("-", "dim")}[finding.ok]
        table.add_row(Text(mark, style), finding.name, Text(finding.detail, overflow="fold"))
    Console().print(table)
    return all(finding.ok is not False for finding in findings)


def _default_text(parameter: Parameter) -> str:
    if parameter.role == "seconds":
        return "the span's"
    if parameter.default in (None, ""):
        return ""
    return str(parameter.default).lower() if isinstance(parameter.default, bool) else f"{parameter.default}"


def seconds_text(model: Model) -> str:
    """`any`, `1 to 30`, `up to 600`, or `5 or more`."""
    least, most = model.seconds.least, model.seconds.most
    if most is None:
        return f"{least:g} or more" if least else "any"
    return f"{least:g} to {most:g}" if least else f"up to {most:g}"


def price_text(price: Price) -> str:
    """`free`, `0.001 USD a second`, or `not known`."""
    if price.amount is None:
        return "not known"
    return "free" if float(price.amount) == 0 else f"{price.amount} {price.currency} a {price.per}"
