"""Errors in the panel's words: where the rooms below speak of the command's options, the panel speaks of what is in Blender."""

from __future__ import annotations

import re

PANEL_WORDING = (
    (r" \(job \d+: `tracklay jobs resume .*? gives it up\)", ""),  # the three buttons below it say that
    (
        r" \(it is kept as job (\d+): the same again, or `tracklay jobs resume`, goes on with it\)",
        r" (it is kept as job \1: Go On goes on with it)",
    ),
    (r"give it with --prompt", "write what should be heard"),
    (r"give it with --set (\w+)=…", r"set it in the model's settings"),
    (r"choose another (?:folder|one) with --to", "choose another Takes Folder in Tracklay's preferences"),
    (r"`tracklay models [\w/.-]+` lists them", "the model's settings show them all"),
    (r"`tracklay models` lists them", "the panel's menu shows them all"),
    (r"`tracklay jobs resume` looks for it there", "Look for It Again does so"),
    (r"`tracklay jobs cancel \d+` stops it", "cancel it first"),
    (r"look at `tracklay jobs`|`tracklay jobs` lists them", "the list of cues shows what is under way"),
    (r"run the same command again(?: to go on)?", "generate again"),
)
"""Patterns of the command's words, and what the panel says instead."""


def panel_error_text(text: object) -> str:
    """A sentence as a person at the panel should read it."""
    said = str(text)
    for pattern, words in PANEL_WORDING:
        said = re.sub(pattern, words, said)
    return said
