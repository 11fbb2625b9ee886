"""The Jinja environment of the page and the cue sheet. Every value is escaped; only the style and the script are not."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InvalidInput

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES_FOLDER = Path(__file__).parent / "templates"

GENERATOR_META = b'<meta name="generator" content="Tracklay'
"""Part of every page that Tracklay writes. A file without it is never replaced."""


def read_own_page(page: Path) -> bytes:
    """Return the content of a page that Tracklay wrote, empty if there is none yet.

    Raises:
        InvalidInput: a file with that name is not from Tracklay.
    """
    content = page.read_bytes() if page.exists() else b""
    if content and GENERATOR_META not in content:
        raise InvalidInput("report.file_exists", "{path} exists and is not from Tracklay. Move it away.", path=page)
    return content


def read_template(name: str) -> str:
    """Return a file of the templates folder as text."""
    return (TEMPLATES_FOLDER / name).read_text("utf-8")


@cache
def jinja_environment() -> Environment:
    """Return the environment that renders the templates."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 - slow to import; `--help` does not need it

    return Environment(
        loader=FileSystemLoader(TEMPLATES_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
