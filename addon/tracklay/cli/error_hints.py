"""Next steps that the command adds to an error, by the error's code: they name the command's own options."""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet

HINTS: dict[str, str] = {
    # media
    # models
    # model_import
    # providers
    # jobs
    # timelines
    # batch
    # report
    # cue, timing, paths
    "path.no_space": "Free some space or choose another folder with --to.",
    "path.not_writable": "Choose another folder with --to.",
    "path.not_a_directory": "Choose another one with --to.",
}
"""For every command but `batch`. A hint is a template over the error's parameters."""

BATCH_HINTS: dict[str, str] = {
    **HINTS,
    # media
    # models
    # providers
    # jobs
    # timelines
    # batch
    # cue, timing, paths
    "path.no_space": "Free some space or change `folder` in the row.",
    "path.not_writable": "Change `folder` in the row.",
    "path.not_a_directory": "Change `folder` in the row.",
}
"""For `tracklay batch`, whose options are columns of the work list."""

_OPTION = re.compile(r"(?<!\S)--[a-z][a-z-]+")
_QUOTED_COMMAND = re.compile(r"`[^`]*`")


def hints_for(command: str, option_names: AbstractSet[str]) -> dict[str, str]:
    """Return the hints that fit a command: those that name an option it lacks are left out.

    Options inside backticks belong to the command that is quoted there.
    """
    hints = BATCH_HINTS if command == "batch" else HINTS
    return {
        code: hint
        for code, hint in hints.items()
        if set(_OPTION.findall(_QUOTED_COMMAND.sub("", hint))) <= option_names
    }
