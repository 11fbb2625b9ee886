"""The catalogue as Blender holds it: read once, kept, and never read while drawing. A wrong file costs its own model, not the add-on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ... import models
from ...errors import BadInput
from ...models import find, read
from ...paths import home

if TYPE_CHECKING:
    from ...models import Model

MODELS: dict[str, Model] = {}
"""By id, grouped by task."""

ERRORS: list[str] = []
"""What is wrong with model files, in sentences."""

TASKS = {"foley": "Foley", "effect": "Sound effects", "music": "Music"}
"""What models are for, in the order they are shown."""


def stock() -> None:
    """Read the model files again: Tracklay's own, and the person's."""
    MODELS.clear()
    ERRORS.clear()
    found: dict[str, Model] = {}
    for folder in (models.SHIPPED, home() / "models"):
        for path in sorted(folder.glob("*.toml")):
            try:
                model = read(path)
            except BadInput as error:
                ERRORS.append(str(error))
            else:
                found[model.id] = model
    MODELS.update(sorted(found.items(), key=lambda each: list(TASKS).index(each[1].task)))


def model(model_id: str) -> Model:
    """A model by its id.

    Raises:
        BadInput: there is none.
    """
    return find(model_id, MODELS)
