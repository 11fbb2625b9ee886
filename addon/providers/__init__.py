"""One file per API; each makes a model's output from a request. `provider(name)` gives the one a model names."""

from .base import Intent, Output, Progress, Provider, Request, Ticket, provider, register, submit_once
from .pool import close, share

__all__ = [
    "Intent",
    "Output",
    "Progress",
    "Provider",
    "Request",
    "Ticket",
    "close",
    "provider",
    "register",
    "share",
    "submit_once",
]
