"""The catalogue of models: one TOML file for each, its loader, and the checks of a request against it."""

from .catalogue import SHIPPED, find_model, iter_model_files, load_catalogue, user_model_dir
from .loader import load_model_file
from .model import EXTRA_PREFIX, ContinuationInput, DurationLimits, Licence, Model, Parameter, Price, is_url

__all__ = [
    "EXTRA_PREFIX",
    "SHIPPED",
    "ContinuationInput",
    "DurationLimits",
    "Licence",
    "Model",
    "Parameter",
    "Price",
    "find_model",
    "is_url",
    "iter_model_files",
    "load_catalogue",
    "load_model_file",
    "user_model_dir",
]
