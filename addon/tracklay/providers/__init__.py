"""One file per API; each makes a model's output from a request. `provider(name)` gives the one a model names."""

from typing import TYPE_CHECKING

from ..later import names_from

if TYPE_CHECKING:
    from .base import Intent, Output, Progress, Provider, Request, Ticket, provider, register, submit_once
    from .client import close, share
else:  # keys are asked for by whoever draws a panel, and need none of it
    _BASE = ("Intent", "Output", "Progress", "Provider", "Request", "Ticket", "provider", "register", "submit_once")
    __getattr__ = names_from(__name__, {"base": _BASE, "client": ("close", "share")})

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
