"""The catalogue by id: the built-in models in the folder beside this file, and the user's own in `TRACKLAY_HOME/models`."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from ..errors import InvalidInput
from ..paths import tracklay_home
from .loader import load_model_file
from .model import Model, suggest_nearest

SHIPPED = Path(__file__).parent / "catalogue"
"""Folder of the model files that come with Tracklay."""

MIN_FILE_AGE_SECONDS = 2.0
"""A younger file is not cached: it may change again within one tick of the file system's clock and keep its size."""

_FileStamp = tuple[int, int, int]

_parsed_files: dict[Path, tuple[_FileStamp, Model]] = {}
"""Parsed model files, each with the state of the file that it was parsed from. Kept as long as the process runs."""


def load_catalogue(folders: Iterable[Path] | None = None) -> dict[str, Model]:
    """Return the catalogue by id: the built-in models, then the user's own, which may replace a built-in one.

    A file is parsed again only when it has changed; a new or removed file is noticed too.

    Raises:
        InvalidInput: a file is wrong; the message has file and line.
    """
    return {model.id: model for _, model in iter_model_files(folders)}


def iter_model_files(folders: Iterable[Path] | None = None) -> Iterator[tuple[Path, Model]]:
    """Yield each model with its file, in the catalogue's order.

    Raises:
        InvalidInput: a file is wrong; the message has file and line.
    """
    if folders is None:
        folders = (SHIPPED, user_model_dir())
    for folder in folders:
        for path in sorted(folder.glob("*.toml")):
            yield path, _load_cached(path)


def _load_cached(path: Path) -> Model:
    """Return a file's model, parsed once for each state of the file."""
    try:
        stat = path.stat()
    except OSError:
        return load_model_file(path)  # raises with the file's name
    # The inode shows a file that was replaced as a whole, as editors and `atomic_write` do.
    stamp = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
    cached = _parsed_files.get(path)
    if cached is not None and cached[0] == stamp:
        return cached[1]
    model = load_model_file(path)
    if time.time() - stat.st_mtime >= MIN_FILE_AGE_SECONDS:
        _parsed_files[path] = stamp, model
    return model


def user_model_dir() -> Path:
    """Return the folder of the user's own models. It may not exist."""
    return tracklay_home() / "models"


def find_model(model_id: str, catalogue: Mapping[str, Model] | None = None) -> Model:
    """Return a model by its id.

    Raises:
        InvalidInput: the id is unknown; the message suggests the nearest.
    """
    catalogue = load_catalogue() if catalogue is None else catalogue
    if model_id not in catalogue:
        raise InvalidInput(
            "model.unknown",
            "Unknown model: {model!r}{suggestion}.",
            model=model_id,
            suggestion=suggest_nearest(model_id, catalogue),
        )
    return catalogue[model_id]
