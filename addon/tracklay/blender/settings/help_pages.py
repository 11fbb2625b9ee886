"""The pages of the documentation that panels link to. They are shipped with the extension, so they can be read offline."""

from __future__ import annotations

import html
import re
from pathlib import Path

from ...atomic_io import atomic_write
from ...errors import InvalidInput
from ...paths import ensure_folder, tracklay_home

PACKAGE = Path(__file__).resolve().parents[2]

FOLDERS = (PACKAGE / "docs", PACKAGE.parents[1] / "docs")
"""Where the pages are: in the installed extension, or in a checkout of the project."""

PAGE_FRAME = """<!doctype html>
<meta charset="utf-8">
<title>{title}</title>
<body style="max-width: 50em; margin: 2em auto; padding: 0 1em; font-family: sans-serif; line-height: 1.5">
<div style="white-space: pre-wrap">{text}</div>
"""

HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


def write_help_page(name: str) -> Path:
    """Write a page, such as `blender`, as HTML that any browser shows, and return its path. Each heading is an anchor.

    Raises:
        InvalidInput: there is no such page.
        OutputError: it cannot be written.
    """
    found = [folder / f"{name}.md" for folder in FOLDERS if (folder / f"{name}.md").is_file()]
    if not found:
        raise InvalidInput("help.no_page", "No help page: {name}.", name=name)
    text = HEADING.sub(
        lambda match: f'<b id="{anchor(match[1])}">{match[1]}</b>',
        html.escape(found[0].read_text("utf-8"), quote=False),
    )
    path = ensure_folder(tracklay_home() / "help") / f"{name}.html"
    with atomic_write(path) as temporary:
        temporary.write_text(PAGE_FRAME.format(title=html.escape(name), text=text), "utf-8")
    return path


def anchor(heading: str) -> str:
    """Return the anchor of a heading: its words in lower case, joined by dashes."""
    return "-".join(re.findall(r"[a-z0-9]+", heading.lower()))
