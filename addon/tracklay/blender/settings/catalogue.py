"""The catalogue as Blender holds it: read once, kept, and never read while drawing. A wrong file costs its own model, not the add-on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ... import models
from ...errors import InvalidInput
from ...models import find_model, load_model_file
from ...paths import tracklay_home

if TYPE_CHECKING:
    from ...models import Model

MODELS: dict[str, Model] = {}
"""By id, grouped by task."""

LOAD_ERRORS: list[str] = []
"""What is wrong with model files, in sentences."""

TASK_LABELS = {"foley": "Foley", "effect": "Sound effects", "music": "Music"}
"""What models are for, in the order they are shown."""


def reload_models() -> None:
    """Read the model files again: Tracklay's own, and the person's."""
    MODELS.clear()
    LOAD_ERRORS.clear()
    found: dict[str, Model] = {}
    for folder in (models.SHIPPED, tracklay_home() / "models"):
        for path in sorted(folder.glob("*.toml")):
            try:
                model = load_model_file(path)
            except InvalidInput as error:
                LOAD_ERRORS.append(str(error))
            else:
                found[model.id] = model
    MODELS.update(sorted(found.items(), key=lambda each: list(TASK_LABELS).index(each[1].task)))


def model_title(model_id: str) -> str:
    """Return a model's title, or its id if it is no longer in the catalogue."""
    model = MODELS.get(model_id)
    return model.title if model else model_id


def get_model(model_id: str) -> Model:
    """A model by its id.

    Raises:
        BadInput: there is none.
    """
    return find_model(model_id, MODELS)
