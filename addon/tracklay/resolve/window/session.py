"""The state of the window: the clips that are chosen, the takes that are made, and those that are kept. Knows nothing of HTTP.

Calls into Resolve are made by one thread at a time. Takes are generated in threads of their own, each request with its own runner.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from ... import settings
from ...cue import Cue, Failure, Take
from ...errors import InvalidInput, TracklayError
from ...jobs import admin
from ...jobs.costs import check_budget, estimate_cost
from ...jobs.failures import internal_error
from ...jobs.job_spec import JobSpec, StageProgress, create_job_spec
from ...jobs.runner import BlockingRunner
from ...models import find_model, load_catalogue
from ...paths import ensure_folder, tracklay_home
from ...scoring.ranking import reason_texts, score_value
from ...timing import format_timecode
from ..calls import find_open_timeline, is_studio
from ..rendering import RENDER_FOLDER, render_picture
from ..selection import Scope
from ..selftest import run_checks
from ..timeline import ResolveTimeline, with_rendered_picture
from ..timeline_clock import read_clock

if TYPE_CHECKING:
    from fusionscript import Resolve

    from ...cue import ParamValue
    from ...models import Model
    from ...models.model import Parameter

MAX_TEXT = 4000
"""Characters of a prompt that the window accepts."""

FINISHED = ("ready", "failed", "kept")
"""States of a take that do not change by themselves."""


@dataclass(slots=True)
class TakeRow:
    """A take in the window, of one press of Generate (`run`): `take` is there once it is ready."""

    number: int
    run: int
    cue: str
    model: str
    state: str = "waiting"
    fraction: float | None = None
    message: str = ""
    take: Take | None = None
    job_id: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the row as the page shows it."""
        take = self.take
        return {
            "id": self.number,
            "run": self.run,
            "cue": self.cue,
            "model": self.model,
            "state": self.state,
            "fraction": self.fraction,
            "message": self.message,
            "seconds": round(take.samples / take.sample_rate, 3) if take else None,
            "name": take.file.name if take else "",
            "seed": take.seed if take else None,
            "cost": take.cost.to_dict() if take else None,
            "notes": list(take.notes) if take else [],
            "score": _score_to_dict(take.score) if take and take.score else None,
        }


class WindowSession:
    """The session of one window.

    Args:
        resolve: the application.
        to: the folder of takes; None for that of the timeline.
        describe: words an error.
    """

    def __init__(
        self, resolve: Resolve, to: Path | None = None, describe: Callable[[TracklayError], str] = str
    ) -> None:
        self._resolve, self._to, self.describe = resolve, to, describe
        self._api_lock, self._lock = threading.RLock(), threading.Lock()
        self._timeline: ResolveTimeline | None = None
        self._cues: list[Cue] = []
        self._rows: dict[int, TakeRow] = {}
        self._numbers, self._runs = count(1), count(1)
        self._message = ""
        self._settings = settings.current()
        self._threads: list[threading.Thread] = []
        self._has_studio = is_studio(resolve)

    @property
    def is_busy(self) -> bool:
        """True while takes are generated."""
        return any(thread.is_alive() for thread in self._threads)

    def refresh(self, scope: str = "") -> dict[str, Any]:
        """Read the timeline that Resolve shows, and its chosen clips, and return the state. An error becomes the window's message."""
        chosen: Scope | None = scope if scope in get_args(Scope) else None  # type: ignore[assignment]
        with self._api_lock:
            try:
                self._timeline = ResolveTimeline.open(self._resolve, chosen, self._to)
                self._cues, self._message = self._timeline.cues(model=""), ""
            except TracklayError as error:
                self._cues, self._message = [], self.describe(error)
        return self.to_dict()

    def to_dict(self) -> dict[str, Any]:
        """Return the state as the page shows it."""
        timeline = self._timeline
        with self._lock:
            rows = [row.to_dict() for row in self._rows.values()]
        return {
            "timeline": timeline.stem if timeline else "",
            "rate": f"{float(timeline.rate.fps):.6g}" if timeline else "",
            "folder": str(timeline.folder) if timeline else "",
            "scope": timeline.scope if timeline else None,
            "studio": self._has_studio,
            "cues": [self._cue_to_dict(cue) for cue in self._cues],
            "takes": rows,
            "busy": self.is_busy,
            "message": self._message,
        }

    def _cue_to_dict(self, cue: Cue) -> dict[str, Any]:
        timeline = self._timeline
        is_rendered = timeline is not None and cue.id in timeline.to_render
        return {
            "id": cue.id,
            "start": format_timecode(cue.span.start, cue.span.rate, drop_frame=bool(cue.drop_frame)),
            "frames": cue.span.frames,
            "seconds": round(float(cue.span.seconds), 3),
            "error": "" if is_rendered else cue.picture.error.removeprefix(f"{cue.id}: "),
            "render": timeline.to_render[cue.id] if timeline and is_rendered else "",
        }

    def list_models(self) -> list[dict[str, Any]]:
        """Return the models of the catalogue as the page lists them."""
        return [
            _model_to_dict(model)
            for model in sorted(
                load_catalogue().values(), key=lambda each: (each.provider != "sketch", each.task, each.id)
            )
        ]

    def estimate(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a request would cost, and how long its cues are together. Nothing is rendered or sent.

        Raises:
            TracklayError: the request is not valid.
        """
        specs = self._create_specs(self._request_cues(request), check_key=False)
        return _sum_estimates(specs)

    def generate(self, request: Mapping[str, Any]) -> list[int]:
        """Start to generate takes, and return the numbers of their rows.

        `request` has the price that the page showed: at another one nothing is sent.

        Raises:
            TracklayError: the request is not valid, or costs something else than it showed.
        """
        timeline = self._require_timeline()
        folder = ensure_folder(timeline.folder.absolute())
        cues = self._request_cues(request)
        specs = self._create_specs(cues, check_key=True)
        price = _sum_estimates(specs)
        if price["amount"] != request.get("amount") or price["currency"] != request.get("currency"):
            raise InvalidInput("resolve.other_price", "The price has changed. Look at it, and press Generate again.")
        cap = None if price["amount"] is None else str(price["amount"])
        check_budget(specs, cap)
        run = next(self._runs)
        rows = [TakeRow(next(self._numbers), run, cue.id, cue.model) for cue in cues for _ in range(cue.takes)]
        with self._lock:
            self._rows |= {row.number: row for row in rows}
        thread = threading.Thread(
            target=self._run, args=(timeline, cues, rows, folder, cap), name="tracklay-takes", daemon=True
        )
        self._threads = [*(each for each in self._threads if each.is_alive()), thread]
        thread.start()
        return [row.number for row in rows]

    def _require_timeline(self) -> ResolveTimeline:
        if self._timeline is None:
            raise InvalidInput("resolve.no_timeline", "No timeline is open in Resolve. Open one on the Edit page.")
        return self._timeline

    def _request_cues(self, request: Mapping[str, Any]) -> list[Cue]:
        """Return the cues of a request, with its fields."""
        wanted = request.get("cues")
        cues = [cue for cue in self._cues if isinstance(wanted, list) and cue.id in wanted]
        if not cues:
            raise InvalidInput(
                "resolve.no_cues", "No clip is chosen. Tick one, or select clips in Resolve and press Read."
            )
        seed, takes = request.get("seed"), request.get("takes", 1)
        if not isinstance(takes, int) or not (seed is None or isinstance(seed, int)):
            raise InvalidInput("resolve.invalid_number", "Takes and seed must be whole numbers.")
        fields: dict[str, Any] = {
            "model": str(request.get("model", "")),
            "prompt": str(request.get("prompt", ""))[:MAX_TEXT],
            "negative": str(request.get("negative", ""))[:MAX_TEXT],
            "takes": takes,
            "seed": seed,
            "params": _parse_params(str(request.get("model", "")), request.get("params")),
            "best": request.get("best") is True,
        }
        if request.get("as_one") is True:
            return [self._join_cues(cues, fields)]
        return [replace(cue, **fields) for cue in cues]

    def _join_cues(self, cues: Sequence[Cue], fields: Mapping[str, Any]) -> Cue:
        """Return one cue from the first to the last of cues, over all that plays between; rendered as a whole if a part of it must be."""
        timeline = self._require_timeline()
        own = timeline.to_render
        with self._api_lock:
            joined = timeline.joined_cue(only=[cue.id for cue in cues], **fields)
            reasons = list(timeline.to_render.values())
        timeline.to_render = {**own, **({joined.id: reasons[0]} if reasons else {})}
        return joined

    def _create_specs(self, cues: Sequence[Cue], *, check_key: bool) -> list[JobSpec]:
        timeline, catalogue = self._require_timeline(), load_catalogue()
        specs = []
        for cue in cues:
            # A picture that is rendered when the takes are generated has no error for that.
            readable = replace(cue, picture=replace(cue.picture, error="")) if cue.id in timeline.to_render else cue
            folder = timeline.folder.absolute()
            specs.append(
                create_job_spec(readable, folder, timeline.output_stem(folder), catalogue, check_key=check_key)
            )
        return specs

    def _run(
        self, timeline: ResolveTimeline, cues: Sequence[Cue], rows: Sequence[TakeRow], folder: Path, cap: str | None
    ) -> None:
        """Render what must be rendered, then generate. Runs in a thread."""
        with settings.active(self._settings):
            try:
                rendered = [self._rendered(timeline, cue, rows) for cue in cues]
                stem = timeline.output_stem(folder)
                specs = [create_job_spec(cue, folder, stem) for cue in rendered if cue is not None]
                if not specs:
                    return
                with BlockingRunner(lambda step: self._show_progress(step, rows)) as runner:
                    runner.set_caps(specs, run_cap=cap)
                    results = runner.run_jobs(specs)
                for result in results:
                    self._show_result(result, rows)
                failed = {result.cue.id for result in results if isinstance(result, Failure)}
                _delete_renders(cue for cue in rendered if cue is not None and cue.id not in failed)
            except TracklayError as error:
                self._fail(rows, error)
            except Exception as error:  # noqa: BLE001 - an unexpected error must reach the window and not vanish with its thread
                self._fail(rows, internal_error(error))

    def _rendered(self, timeline: ResolveTimeline, cue: Cue, rows: Sequence[TakeRow]) -> Cue | None:
        """Return a cue with a picture that can be read; None if Resolve cannot render it."""
        if cue.id not in timeline.to_render:
            return cue
        own = [row for row in rows if row.cue == cue.id]
        for row in own:
            row.state, row.message = "rendering", timeline.to_render[cue.id]
        try:
            with self._api_lock:
                file = render_picture(timeline.opened, cue.span)
        except TracklayError as error:
            self._fail(own, error.prefix_with(cue.id))
            return None
        return with_rendered_picture(cue, file)

    def _show_progress(self, step: StageProgress, rows: Sequence[TakeRow]) -> None:
        row = _nth_row(rows, step.cue, step.take_index)
        if row is not None and row.state not in FINISHED:
            row.state = "working" if step.stage in ("ready", "failed") else step.stage
            row.fraction, row.message, row.job_id = step.fraction, step.message, step.job_id

    def _show_result(self, result: Take | Failure, rows: Sequence[TakeRow]) -> None:
        for row in rows:
            if row.cue == result.cue.id and row.state not in FINISHED:
                if isinstance(result, Take):
                    row.state, row.take, row.message = "ready", result, ""
                else:
                    row.state, row.message = "failed", self.describe(result.error)
                return

    def _fail(self, rows: Sequence[TakeRow], error: TracklayError) -> None:
        for row in rows:
            if row.state not in FINISHED:
                row.state, row.message = "failed", self.describe(error)

    def test_resolve(self) -> list[dict[str, Any]]:
        """Test the running Resolve, as `tracklay resolve selftest` does, and return the findings.

        Raises:
            TracklayError: takes are being generated, or no project is open.
        """
        if self.is_busy:
            raise InvalidInput("resolve.busy", "Takes are being generated. Test Resolve when they are ready.")
        with self._api_lock:
            return [asdict(check) for check in run_checks(self._resolve)]

    def cancel(self, number: int) -> dict[str, Any]:
        """Cancel a take that is being generated, and return its row."""
        row = self._find_row(number)
        if row.job_id is not None and row.state not in FINISHED:
            admin.request_cancel(row.job_id)
        return row.to_dict()

    def _find_row(self, number: int) -> TakeRow:
        with self._lock:
            row = self._rows.get(number)
        if row is None:
            raise InvalidInput("resolve.no_take", "There is no take {number}.", number=number)
        return row

    def take_file(self, number: int) -> Path:
        """Return the file of a take.

        Raises:
            InvalidInput: there is none.
        """
        row = self._find_row(number)
        if row.take is None:
            raise InvalidInput("resolve.not_ready", "Take {number} is not ready.", number=number)
        return row.take.file

    def keep(self, number: int) -> list[str]:
        """Lay a take in the timeline that it was made for, and return notes about it.

        Raises:
            TracklayError: it is not ready, Resolve shows another timeline, or did not lay it.
        """
        row, timeline = self._find_row(number), self._require_timeline()
        if row.take is None:
            raise InvalidInput("resolve.not_ready", "Take {number} is not ready.", number=number)
        with self._api_lock:
            self._check_still_open(timeline)
            result = timeline.lay([row.take], [], row.take.file.parent, describe=self.describe)
        if result.failures:
            raise result.failures[0].error
        with BlockingRunner(lambda _: None) as runner:
            runner.mark_laid([row.take])
        with self._lock:
            for other in self._rows.values():
                if other is not row and (other.cue, other.model, other.state) == (row.cue, row.model, "kept"):
                    other.state = "ready"
            row.state = "kept"
        return list(result.notes)

    def _check_still_open(self, timeline: ResolveTimeline) -> None:
        """Check that Resolve shows the timeline that was read: `AppendToTimeline` knows no other."""
        opened = find_open_timeline(self._resolve)
        if (
            opened.timeline.GetUniqueId() != timeline.opened.timeline.GetUniqueId()
            or read_clock(opened.timeline) != timeline.clock
        ):
            raise InvalidInput(
                "resolve.other_timeline",
                "Resolve shows another timeline. Open {timeline} again, then keep the take.",
                timeline=timeline.stem,
            )


def _parse_params(model_id: str, texts: Any) -> dict[str, ParamValue]:
    """Return the parameters that the page has as texts, by name; what is empty is left to the model.

    Raises:
        InvalidInput: there is no such model or parameter, or a text is not a value of it.
    """
    model = find_model(model_id, load_catalogue())
    typed = texts.items() if isinstance(texts, dict) else ()
    return {name: model.find_parameter(name).parse(str(text)[:MAX_TEXT]) for name, text in typed if text != ""}


def _score_to_dict(score: Mapping[str, Any]) -> dict[str, Any]:
    return {"value": round(score_value(score)), "reasons": reason_texts(score)}


def _nth_row(rows: Sequence[TakeRow], cue: str, index: int) -> TakeRow | None:
    own = [row for row in rows if row.cue == cue]
    return own[index] if 0 <= index < len(own) else None


def _delete_renders(cues: Iterable[Cue]) -> None:
    """Delete the pictures that Resolve rendered for cues whose takes are made. Those of failed ones stay, for `tracklay jobs resume`."""
    for cue in cues:
        if cue.picture.source.parent == tracklay_home() / RENDER_FOLDER:
            cue.picture.source.unlink(missing_ok=True)


def _sum_estimates(specs: Sequence[JobSpec]) -> dict[str, Any]:
    """Return the sum of estimates as text, None if one is not known; the currency, and the seconds of sound."""
    amounts = [estimate_cost(spec) for spec in specs]
    total = (
        None
        if any(amount is None for amount in amounts)
        else sum((amount for amount in amounts if amount is not None), Decimal(0))
    )
    return {
        "amount": None if total is None else f"{total:f}",
        "currency": specs[0].model.price.currency,
        "seconds": round(sum(float(spec.cue.span.seconds) * spec.cue.takes for spec in specs), 3),
        "takes": sum(spec.cue.takes for spec in specs),
    }


def _model_to_dict(model: Model) -> dict[str, Any]:
    return {
        "id": model.id,
        "title": model.title,
        "task": model.task,
        "summary": model.summary,
        "needs": list(model.needs),
        "licence": model.licence.name,
        "commercial": model.licence.commercial,
        "parameters": [_parameter_to_dict(parameter) for parameter in model.settable],
    }


def _parameter_to_dict(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "type": parameter.type,
        "help": parameter.help,
        "default": parameter.default,
        "minimum": parameter.minimum,
        "maximum": parameter.maximum,
        "step": parameter.step,
        "choices": list(parameter.choices),
        "unit": parameter.unit,
        "required": parameter.required,
    }
