"""The catalogue: one TOML file a model, and the reader that checks a request against it."""

from .catalogue import files, find, load, own_folder
from .model import EXTRA, Licence, Model, Parameter, Price, Seconds, is_url
from .reader import read

__all__ = [
    "EXTRA",
    "Licence",
    "Model",
    "Parameter",
    "Price",
    "Seconds",
    "files",
    "find",
    "is_url",
    "load",
    "own_folder",
    "read",
]
