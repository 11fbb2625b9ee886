"""The catalogue by id: the built-in models beside this file, and the person's own in `TRACKLAY_HOME/models`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InvalidInput
from ..paths import tracklay_home
from .loader import load_model_file
from .model import Model, suggest_nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

SHIPPED = Path(__file__).parent / "catalogue"
"""Folder of the model files that come with Tracklay."""


def load_catalogue(folders: Iterable[Path] | None = None) -> dict[str, Model]:
    """The catalogue by id: the built-in models, then the person's own, which may stand in for a built-in one.

    Raises:
        BadInput: a file is wrong; file and line are told.
    """
    return {model.id: model for _, model in iter_model_files(folders)}


def iter_model_files(folders: Iterable[Path] | None = None) -> Iterator[tuple[Path, Model]]:
    """Each model with its file, in the catalogue's order.

    Raises:
        BadInput: a file is wrong; file and line are told.
    """
    if folders is None:
        folders = (SHIPPED, user_model_dir())
    for folder in folders:
        for path in sorted(folder.glob("*.toml")):
            yield path, load_model_file(path)


def user_model_dir() -> Path:
    """Where the person's own models lie."""
    return tracklay_home() / "models"


def find_model(model_id: str, catalogue: Mapping[str, Model] | None = None) -> Model:
    """A model by its id.

    Raises:
        BadInput: there is none; the nearest is told.
    """
    catalogue = load_catalogue() if catalogue is None else catalogue
    if model_id not in catalogue:
        raise InvalidInput(
            f"there is no model {model_id!r}{suggest_nearest(model_id, catalogue)}: `tracklay models` lists them"
        )
    return catalogue[model_id]
