"""Where the page's own HTML, CSS and JavaScript lie, and how they are filled: everything is escaped unless it is ours."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InvalidInput

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES_FOLDER = Path(__file__).parent / "templates"


GENERATOR_META = b'<meta name="generator" content="Tracklay'
"""What every page of ours has; no other file is ever replaced."""


def read_own_page(page: Path) -> bytes:
    """What a page of ours says, nothing where there is none yet.

    Raises:
        BadInput: something else has its name.
    """
    content = page.read_bytes() if page.exists() else b""
    if content and GENERATOR_META not in content:
        raise InvalidInput(
            f"{page} is there already and was not made by Tracklay: move it away or choose another folder with --to"
        )
    return content


def read_template(name: str) -> str:
    """One of our own files as text."""
    return (TEMPLATES_FOLDER / name).read_text("utf-8")


@cache
def jinja_environment() -> Environment:
    """What fills templates."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 - `--help` does not wait for it

    return Environment(
        loader=FileSystemLoader(TEMPLATES_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
