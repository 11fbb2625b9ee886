"""The catalogue: one TOML file a model, and the reader that checks a request against it."""

from .catalogue import SHIPPED, files, find, load, own_folder
from .loader import read
from .model import EXTRA, Licence, Model, Parameter, Price, Seconds, is_url

__all__ = [
    "EXTRA",
    "SHIPPED",
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
