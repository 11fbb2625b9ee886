"""Runs `tracklay models`: lists the catalogue, shows one model, adds a published one."""

from __future__ import annotations

import argparse
import asyncio
from datetime import UTC, datetime

from ..errors import InvalidInput
from ..jobs import admin
from ..model_import.fetch import AddedModel, add_model
from ..models import find_model, load_catalogue
from ..providers.client import close_client
from . import tables
from .exit_status import EXIT_DONE
from .messages import print_json, print_message


def run_models(options: argparse.Namespace) -> int:
    """Run the command and return the exit status."""
    if options.id == "add":
        return _add_model(options)
    if options.spec is not None:
        raise InvalidInput(
            "usage.one_model",
            "Unexpected argument: {argument!r}. `tracklay models` takes one model ID.",
            argument=options.spec,
        )
    catalogue = load_catalogue()
    models = [find_model(options.id, catalogue)] if options.id else list(catalogue.values())
    if options.json:
        rows = [tables.model_to_dict(model) for model in models]
        print_json(rows[0] if options.id else rows)
    elif options.id:
        tables.show_model(models[0], admin.model_bills(models[0].id))
    else:
        tables.show_models(models)
    return EXIT_DONE


def _add_model(options: argparse.Namespace) -> int:
    async def import_model() -> AddedModel:
        try:
            return await add_model(options.spec or "", datetime.now(UTC).date().isoformat())
        finally:
            await close_client()

    added = asyncio.run(import_model())
    if options.json:
        print_json({**tables.model_to_dict(added.model), "file": str(added.path), "warnings": added.warnings})
    else:
        tables.show_model(added.model, None)
        tables.show_written_file(added.path)
    for warning in added.warnings:
        print_message(warning)
    return EXIT_DONE
