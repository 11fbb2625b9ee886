"""The model catalogue, read when the extension is registered and kept in memory: drawing never reads a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ... import models
from ...errors import InvalidInput, TracklayError
from ...models import find_model, load_model_file
from ...paths import tracklay_home

if TYPE_CHECKING:
    from ...models import Model

MODELS: dict[str, Model] = {}
"""Models by ID, grouped by task."""

LOAD_ERRORS: list[TracklayError] = []
"""Errors of model files that were left out. A wrong file costs its own model, not the whole catalogue."""

TASK_LABELS = {"foley": "Foley", "effect": "Sound effects", "music": "Music"}
"""Labels of the models' tasks, in the order they are shown."""


def reload_models() -> None:
    """Read Tracklay's own model files and the user's again. A model of the user's replaces one with the same ID."""
    MODELS.clear()
    LOAD_ERRORS.clear()
    found: dict[str, Model] = {}
    for folder in (models.SHIPPED, tracklay_home() / "models"):
        for path in sorted(folder.glob("*.toml")):
            try:
                model = load_model_file(path)
            except InvalidInput as error:
                LOAD_ERRORS.append(error)
            else:
                found[model.id] = model
    MODELS.update(sorted(found.items(), key=lambda item: list(TASK_LABELS).index(item[1].task)))


def model_title(model_id: str) -> str:
    """Return a model's title, or its ID if it is no longer in the catalogue."""
    model = MODELS.get(model_id)
    return model.title if model else model_id


def get_model(model_id: str) -> Model:
    """Return a model by its ID.

    Raises:
        InvalidInput: the catalogue has no such model.
    """
    return find_model(model_id, MODELS)
