"""Access to Resolve's scripting objects: what a version may lack, and the objects that are open.

Facts about the scripting interface are those of Blackmagic's README of 24 July 2026 and of measurements on 21.1; docs/resolve.md lists
what could not be confirmed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInput

if TYPE_CHECKING:
    from fusionscript import MediaPool, Project, Resolve, Timeline

STUDIO_NAME = "Studio"
"""The word in the product's name by which the paid edition is recognized."""


def has_call(target: object, name: str) -> bool:
    """Return True if an object has a method. `hasattr` is no test: Resolve's objects answer it with True for any name."""
    return name in dir(target)


def call_if_present(target: object, name: str, *args: Any) -> Any:
    """Return what a method that not all versions have returns; None if this one lacks it."""
    return getattr(target, name)(*args) if has_call(target, name) else None


def is_studio(resolve: Resolve) -> bool:
    """Return True for the Studio edition. A call that only Studio has opens a dialog in the free edition, and blocks until it is closed."""
    answer = call_if_present(resolve, "IsStudio")  # since 21.1
    return bool(answer) if answer is not None else STUDIO_NAME in str(resolve.GetProductName())


@dataclass(frozen=True, slots=True)
class OpenTimeline:
    """The project and the timeline that Resolve shows."""

    resolve: Resolve
    project: Project
    pool: MediaPool
    timeline: Timeline


def find_open_timeline(resolve: Resolve) -> OpenTimeline:
    """Return what Resolve shows.

    Raises:
        InvalidInput: no project or no timeline is open.
    """
    project = resolve.GetProjectManager().GetCurrentProject()
    if not project:
        raise InvalidInput("resolve.no_project", "No project is open in Resolve. Open one.")
    timeline = project.GetCurrentTimeline()
    if not timeline:
        raise InvalidInput("resolve.no_timeline", "No timeline is open in Resolve. Open one on the Edit page.")
    return OpenTimeline(resolve, project, project.GetMediaPool(), timeline)
