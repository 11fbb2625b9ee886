"""Live progress on stderr: a table of takes for `lay`, counts for `batch`. stdout is left to the results."""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ..jobs.job_spec import StageProgress
from .console import PlainConsole

if TYPE_CHECKING:
    from ..jobs.job_spec import JobSpec

STAGE_LABELS = {
    "extract": "extracting picture",
    "generate": "generating",
    "conform": "conforming",
    "ready": "ready",
    "failed": "failed",
}
STAGE_STYLES = {"ready": "green", "failed": "red"}

LOG_INTERVAL_SECONDS = 15.0
"""Seconds between two progress lines without a terminal, as in a render farm's log."""

REFRESHES_PER_SECOND = {"takes": 8, "batch": 4}


class TakeProgressTable:
    """Live table of one run, a row per take."""

    def __init__(self, specs: Sequence[JobSpec]) -> None:
        self._rows: dict[tuple[str, str, int], StageProgress | None] = {
            (spec.cue.id, spec.model.id, index): None for spec in specs for index in range(spec.cue.takes)
        }
        self._lock = threading.Lock()
        self._is_laying = False
        # transient: the table vanishes at the end, and the result's table takes its place.
        self._live = Live(
            get_renderable=self._build_table,
            console=PlainConsole(stderr=True),
            transient=True,
            refresh_per_second=REFRESHES_PER_SECOND["takes"],
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def add_specs(self, specs: Sequence[JobSpec]) -> None:
        """Show the jobs of further specs: one of a take that is shown already starts its row again."""
        with self._lock:
            self._rows |= {
                (spec.cue.id, spec.model.id, index): None for spec in specs for index in range(spec.cue.takes)
            }

    def update(self, step: StageProgress) -> None:
        """Show a take's new stage. Called from the job thread."""
        with self._lock:
            self._rows[step.cue, step.model, step.take_index] = step

    def set_laying(self) -> None:
        """Show that the takes are being laid."""
        self._is_laying = True

    def _build_table(self) -> Table:
        table = Table(box=None, pad_edge=False, header_style="dim")
        for heading in ("cue", "take", "model", "stage", ""):
            table.add_column(heading)
        with self._lock:
            rows = list(self._rows.items())
        for (cue, model, index), step in rows:
            style = STAGE_STYLES.get(step.stage, "") if step else "dim"
            stage = Text(self._stage_label(step), style)
            table.add_row(cue, str(index + 1), model, stage, Text(_progress_text(step), "dim", overflow="ellipsis"))
        return table

    def _stage_label(self, step: StageProgress | None) -> str:
        if step is None:
            return "waiting"
        return "laying" if self._is_laying and step.stage == "ready" else STAGE_LABELS[step.stage]


def _progress_text(step: StageProgress | None) -> str:
    if step is None or step.stage == "ready":
        return ""
    percent = "" if step.fraction is None else f"{step.fraction:.0%} "
    return percent + step.message


class BatchProgress:
    """Progress of a work list: a bar and counts on a terminal, otherwise a line every `LOG_INTERVAL_SECONDS`.

    Args:
        total: number of takes in the list, those of earlier runs included.
    """

    def __init__(self, total: int) -> None:
        self.states: Counter[str] = Counter()
        self._total, self._started_at, self._last_line_at = max(1, total), time.monotonic(), time.monotonic()
        self._stages: dict[int, str] = {}
        self._produced_count = 0
        self._live = Live(
            get_renderable=self._renderable,
            console=PlainConsole(stderr=True),
            transient=True,
            refresh_per_second=REFRESHES_PER_SECOND["batch"],
        )

    def __enter__(self) -> Self:
        if self._live.console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def __call__(self, event: StageProgress | Mapping[str, Any]) -> None:
        """Count a job's new stage, or a result entry that is final."""
        if isinstance(event, StageProgress):
            if event.job_id is not None:
                self._stages[event.job_id] = event.stage
                if event.stage in ("ready", "failed"):
                    del self._stages[event.job_id]
        else:
            self.states[event["state"]] += 1
            self._produced_count += event["seconds"] is not None
        if not self._live.console.is_terminal and time.monotonic() - self._last_line_at > LOG_INTERVAL_SECONDS:
            self._last_line_at = time.monotonic()
            print(f"tracklay: {self._status_text()}", file=sys.stderr, flush=True)  # noqa: T201 - a command prints

    @property
    def _finished_count(self) -> int:
        return sum(self.states.values())

    def _status_text(self) -> str:
        running = Counter(STAGE_LABELS[stage] for stage in self._stages.values())
        counts = [f"{count} {label}" for label, count in (*running.items(), *self.states.items())]
        return f"{self._finished_count} of {self._total} takes: {', '.join(counts) or 'nothing yet'}"

    def _renderable(self) -> Table:
        elapsed = time.monotonic() - self._started_at
        row = Table.grid(padding=(0, 2))
        bar = ProgressBar(total=self._total, completed=min(self._finished_count, self._total), width=32)
        remaining = ""
        # Only takes of this run count: finished ones of earlier runs appear at once and would make the rest look quick.
        if self._produced_count:
            seconds = elapsed / self._produced_count * max(0, self._total - self._finished_count)
            remaining = f", about {format_duration(seconds)} left"
        row.add_row(bar, Text(f"{format_duration(elapsed)}{remaining}", "dim"))
        grid = Table.grid()
        grid.add_row(row)
        grid.add_row(Text(self._status_text()))
        return grid


def format_duration(seconds: float) -> str:
    """Return a duration as `H:MM:SS`."""
    return str(timedelta(seconds=round(seconds)))
