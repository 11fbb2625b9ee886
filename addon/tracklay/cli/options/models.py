"""Options of `tracklay models`."""

from __future__ import annotations

from typing import Any

from ..parser import Commands, add_command, add_json_option


def add_parser(commands: Commands[Any]) -> None:
    """Add the command's parser."""
    models = add_command(
        commands, "models", "models:run_models", help="list models, show one, or add a published one (`add`)"
    )
    # `models ID` and `models add SPEC` share the first position, which sub-parsers cannot express.
    models.add_argument("id", nargs="?", metavar="ID", help="a model ID, or the word add")
    models.add_argument(
        "spec", nargs="?", metavar="SPEC", help="with add: replicate:owner/name, fal:endpoint or scenario:model_id"
    )
    add_json_option(models, "models")
