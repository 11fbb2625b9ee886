"""Builds cues and job specs from a scene's settings, and submits them to the dispatcher."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import bpy

from ...cue import Cue
from ...jobs import create_job_spec
from ...jobs.job_spec import RANDOM_SEED
from ..sequencer import prompts, timeline_copy
from ..settings import catalogue, preferences, properties
from ..settings.i18n.translate import translate_report
from ..settings.network import offline_error
from ..settings.redraw import redraw_sequencers
from .cue_rows import follow_cue
from .dispatcher import get_dispatcher
from .timer import start_timer

if TYPE_CHECKING:
    from ...jobs import JobSpec
    from ..sequencer.selection import CueSource


def build_cue(spot: CueSource, settings: Any, **overrides: Any) -> Cue:
    """Return the cue of a spot.

    Args:
        spot: the span of a strip.
        settings: the scene's settings (`scene.tracklay`).
        overrides: fields of `Cue` that replace the scene's settings; `model` is a model id.

    Raises:
        InvalidInput: the model is not in the catalogue.
    """
    model = catalogue.get_model(overrides.pop("model", "") or settings.model)
    seed = overrides.pop("seed", settings.seed)
    timeline_text = prompts.timeline_prompt(settings.id_data, spot.span, settings.prompt_from)
    cue = Cue(
        # A strip's name is not unique over time: the suffix keeps the ids of two requests for one strip apart.
        id=f"{spot.strip_name} {secrets.token_hex(5)}",
        span=spot.span,
        picture=spot.picture,
        model=model.id,
        prompt=prompts.join_prompts(prompts.spot_prompt(settings.id_data, spot, settings.prompt), timeline_text),
        negative=settings.negative_prompt,
        seed=None if seed == RANDOM_SEED else seed,
        takes=settings.takes,
        params={**properties.param_values(settings.params, model), **properties.extra_params(settings, model)},
        square=properties.square_setting(settings),
        land=properties.land_setting(settings),
        best=settings.best or settings.repair,
        parts=properties.parts_setting(settings),
        tail=properties.tail_setting(settings, spot.span.rate),
        fit=properties.fit_setting(settings),
        hits=prompts.find_hits(settings.id_data, spot.span),
    )
    return replace(cue, **overrides)


def build_job_spec(cue: Cue, spot: CueSource) -> JobSpec:
    """Return a cue's validated job spec with the takes folder and sample rate of the preferences.

    Raises:
        TracklayError: the model is asked and needs online access, or the request does not fit it.
    """
    if cue.generates and (error := offline_error(catalogue.get_model(cue.model))):
        raise error
    spec = create_job_spec(cue, preferences.takes_folder(), spot.picture.source.stem, catalogue.MODELS)
    return replace(spec, sample_rate=preferences.sample_rate())


def submit_cues(
    operator: Any,
    cues: Iterable[tuple[Cue, CueSource]],
    *,
    wait: bool,
    repair: bool = False,
    on_placed: Callable[[], None] | None = None,
) -> AbstractSet[str]:
    """Submit cues, all of them or none, and return the operator's result.

    With `wait`, and in background mode where no timer runs, this blocks until the takes are laid.

    Args:
        operator: the operator that reports the outcome.
        cues: each cue with its spot.
        wait: block until all takes are laid.
        repair: when the takes of a cue have arrived, generate the worst stretch of the best one again.
        on_placed: called as soon as the strips exist, within the same undo step.

    Raises:
        TracklayError: one of the cues cannot be submitted; none was.
    """
    specs = timeline_copy.with_timeline_copies([(build_job_spec(cue, spot), spot) for cue, spot in cues])
    if specs:
        follow_cue(specs[0][0].cue.id)
    batch = get_dispatcher().submit(specs, wait=wait or bpy.app.background, repair=repair, on_placed=on_placed)
    if batch is None:
        start_timer()
        redraw_sequencers()
        return {"FINISHED"}
    get_dispatcher().wait(batch)
    for cue_id in batch.spots:
        get_dispatcher().dismiss(cue_id)
    if batch.notes:
        operator.report({"WARNING"}, "\n".join(batch.notes))
    if batch.errors:
        operator.report({"ERROR"}, "\n".join(batch.errors))
        return {"FINISHED"} if batch.laid_strips else {"CANCELLED"}
    operator.report({"INFO"}, translate_report("Laid {}", ", ".join(batch.laid_strips)))
    return {"FINISHED"}
