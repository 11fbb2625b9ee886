"""Entries of takes in a .blend file from anyone: each is read or ignored, in the list, the panel, over the strip and by operators."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import bpy
import pytest
from tracklay.blender.runtime import cue_rows
from tracklay.blender.sequencer import cue_index, landing

from ..conftest import laid
from .test_cue_list import draw_panel

MOVES = [{"from": "0.1", "to": "0.2", "confidence": 1}]
MORE = {
    "landing": {"mode": "auto", "untouched": "x.wav", "lag": "0", "moves": MOVES},
    "stems": {"bass": "bass.wav"},
    "score": {"value": 50, "reasons": [{"code": "contacts", "met": 1}]},
    "fit": {"unfitted": "y.wav"},
    "parts": [{"start": 0}],
}
VALUES: list[Any] = [
    *(None, True, -1, 1e308, 10**25, float("nan"), "", "../../x.wav", "1/0", "1e999999999", "\u202e\x1b[31m"),
    *([], {}, [[1]], {"a": 1}),
]


def paths(value: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of each value within a JSON value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in items:
        yield (*before, name)
        yield from paths(inner, (*before, name))


def changed(entry: dict[str, Any], path: tuple[Any, ...], value: Any) -> str:
    """Return an entry with another value at a path."""
    copy = json.loads(json.dumps(entry))
    inner = copy
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    return json.dumps(copy)


def test_an_entry_of_any_content_is_read_or_ignored(scene, strip):
    """No exception, no number that is written out in full, no file elsewhere; an operator's error is a sentence."""
    bpy.ops.tracklay.generate(wait=True)
    (take,) = laid(scene)
    folder, entry = landing.sound_files(take)[0].parent, {**json.loads(take[cue_index.ENTRY_PROPERTY]), **MORE}
    choice = random.Random(3)  # noqa: S311 - the same values in every run
    for path in paths(entry):
        for value in ("1e999999999", *choice.sample(VALUES, 2)):
            take[cue_index.ENTRY_PROPERTY] = changed(entry, path, value)
            cue_index.shared_cue_index.is_dirty = True
            cue_rows.build_rows(scene)
            draw_panel()
            landing.drawn_moves(take)
            assert {file.parent for file in landing.sound_files(take)} == {folder}
            for operator in (bpy.ops.tracklay.lay_stems, bpy.ops.tracklay.switch_landing):
                with pytest.raises(RuntimeError) as caught:
                    operator()
                assert "Traceback" not in str(caught.value)
