"""A cue as the ledger stores it: plain data, without what does not apply to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple
from fractions import Fraction
from pathlib import Path
from typing import Any

from ...cue import Cue, EarlierTake, PartRecipe, Patch
from ...hits import Hit
from ...parts.sizes import WHOLE
from ...timing import Rate, Span
from .stored import picture_to_dict, pop_picture


def cue_to_dict(cue: Cue) -> dict[str, Any]:
    """Return a cue as plain data. `stored_cue` rebuilds it from `{"cue": ...}`."""
    span = cue.span
    return {
        "id": cue.id,
        "span": [span.start, span.frames, str(span.rate)],
        **picture_to_dict(cue.picture),
        "model": cue.model,
        "prompt": cue.prompt,
        "negative": cue.negative,
        "seed": cue.seed,
        "takes": cue.takes,
        "params": dict(cue.params),
        "square": cue.square,
        **({"timecode_start": cue.timecode_start} if cue.timecode_start else {}),
        **({} if cue.drop_frame is None else {"drop_frame": cue.drop_frame}),
        **({} if cue.land == "auto" else {"land": cue.land}),
        **({"best": True} if cue.best else {}),
        **({"hits": [hit.to_list() for hit in cue.hits]} if cue.hits else {}),
        **({"tail": cue.tail} if cue.tail else {}),
        **({"handles": list(cue.handles)} if any(cue.handles) else {}),
        **({"fit": cue.fit} if cue.fit != "off" else {}),
        **({} if cue.refit is None else {"refit": str(cue.refit)}),
        **({"extends": cue.extends} if cue.extends else {}),
        **({} if cue.tempo is None else {"tempo": cue.tempo}),
        **({} if cue.reland is None else {"reland": [str(cue.reland.file), cue.reland.skip]}),
        **({} if cue.patch is None else {"patch": [str(cue.patch.take), cue.patch.start, cue.patch.frames]}),
        **({} if cue.parts == WHOLE else {"parts": cue.parts}),
        **({"part_recipes": [list(astuple(each)) for each in cue.part_recipes]} if cue.part_recipes else {}),
    }


def stored_cue(data: Mapping[str, Any]) -> Cue:
    """Rebuild a cue from `{"cue": cue_to_dict(...)}`.

    Raises:
        ArithmeticError, AttributeError, LookupError, TypeError, ValueError: it is damaged.
    """
    stored = dict(data["cue"])
    start, frames, rate_text = stored.pop("span")
    rate = Rate(Fraction(rate_text))
    picture = pop_picture(stored, rate)
    patch = stored.pop("patch", None)
    # Jobs of earlier versions are one request each.
    parts = stored.pop("parts", WHOLE)
    hits = tuple(Hit.from_list(each) for each in stored.pop("hits", ()))
    # Music of earlier versions was cut at the span's end.
    fit, refit = stored.pop("fit", "off"), stored.pop("refit", None)
    reland = stored.pop("reland", None)
    before, after = stored.pop("handles", (0, 0))
    recipes = tuple(PartRecipe(*each) for each in stored.pop("part_recipes", ()))
    return Cue(
        span=Span(start, frames, rate),
        picture=picture,
        patch=None if patch is None else Patch(Path(patch[0]), *patch[1:]),
        parts=parts,
        hits=hits,
        fit=fit,
        refit=None if refit is None else Path(refit),
        part_recipes=recipes,
        reland=None if reland is None else EarlierTake(Path(reland[0]), int(reland[1])),
        handles=(before, after),
        **stored,
    )
