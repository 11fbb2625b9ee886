"""One file per API; each makes a model's output from a request. `get_provider(name)` gives the one a model names."""

from typing import TYPE_CHECKING

from ..later import names_from

if TYPE_CHECKING:
    from .base import JobHandle, JobProgress, Output, Provider, Request, Submission, get_provider, register, submit_once
    from .client import close_client, set_process_count
else:  # keys are asked for by whoever draws a panel, and need none of it
    _BASE = (
        "Submission",
        "Output",
        "JobProgress",
        "Provider",
        "Request",
        "JobHandle",
        "get_provider",
        "register",
        "submit_once",
    )
    __getattr__ = names_from(__name__, {"base": _BASE, "client": ("close_client", "set_process_count")})

__all__ = [
    "JobHandle",
    "JobProgress",
    "Output",
    "Provider",
    "Request",
    "Submission",
    "close_client",
    "get_provider",
    "register",
    "set_process_count",
    "submit_once",
]
