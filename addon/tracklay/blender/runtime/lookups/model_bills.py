"""Charges of a model's takes so far, for the panel: of models that are billed by computing time nothing else is known before.

Reading the ledger takes a file and a query, so a thread does it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy

from .background_lookup import BackgroundLookup

if TYPE_CHECKING:
    from ....jobs.costs import BilledRange


def _read_bills(model_id: str) -> BilledRange | None:
    # Enabling the extension must not load SQLite.
    from ....errors import TracklayError  # noqa: PLC0415
    from ....jobs.admin import model_bills  # noqa: PLC0415

    try:
        return model_bills(model_id)
    except TracklayError:
        return None  # the ledger cannot be read: the next job says so


bills: BackgroundLookup[str, BilledRange | None] = BackgroundLookup(_read_bills, None)
"""The charges by model id."""


def known_bills(model_id: str) -> BilledRange | None:
    """Return what takes of a model were charged; None if that is not known, or not yet read. Without a window nothing is read."""
    return bills.answers.get(model_id) if bpy.app.background else bills.get(model_id)


def forget_bills() -> None:
    """Read the charges again when they are needed next: a job has ended."""
    bills.answers.clear()
