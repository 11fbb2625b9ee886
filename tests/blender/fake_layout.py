"""A fake of Blender's `UILayout` that records what is drawn, so that panels can be tested without a window."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import bpy


class Layout:
    """A fake layout that records what is drawn: `shown` has (name, text, enabled), in order."""

    def __init__(self, shown: list[tuple[str, str, bool]] | None = None, above: Layout | None = None) -> None:
        self.shown = [] if shown is None else shown
        self._above = above
        self.enabled = True

    def _on(self) -> bool:
        return self.enabled and (self._above is None or self._above._on())

    def _part(self, *_: Any, **__: Any) -> Layout:
        return Layout(self.shown, self)

    row = column = box = split = _part

    def panel(self, *_: Any, **__: Any) -> tuple[Layout, Layout]:
        return self._part(), self._part()

    def _keep(self, what: str, text: str | None) -> None:
        self.shown.append((what, text or "", self._on()))

    def label(self, text: str = "", **_: Any) -> None:
        self._keep("label", text)

    def prop(self, group: Any, name: str, text: str | None = None, **_: Any) -> None:
        assert name in group.bl_rna.properties
        self._keep(f"prop {name}", text)

    def prop_enum(self, group: Any, name: str, value: str, text: str = "") -> None:
        assert value in group.bl_rna.properties[name].enum_items
        self._keep(f"choice {value}", text)

    def menu(self, name: str, text: str = "", **_: Any) -> None:
        assert hasattr(bpy.types, name)
        self._keep(f"menu {name}", text)

    def operator(self, name: str, text: str = "", **_: Any) -> SimpleNamespace:
        self._keep(name, text)
        return SimpleNamespace()

    def progress(self, text: str = "", **_: Any) -> None:
        self._keep("progress", text)

    def separator(self) -> None:
        pass

    def popover(self, panel: str, **_: Any) -> None:
        assert hasattr(bpy.types, panel)
        self._keep(f"popover {panel}", "")

    def template_list(
        self, kind: str, _: str, data: Any, listed: str, active_data: Any, active: str, **__: Any
    ) -> None:
        assert hasattr(bpy.types, kind)
        assert active in active_data.bl_rna.properties
        for _row in getattr(data, listed):
            self._keep("row", kind)

    def words(self) -> str:
        """Return the text of all labels."""
        return " ".join(text for what, text, _ in self.shown if what == "label")

    def names(self) -> list[str]:
        """Return the names of the drawn elements, in order."""
        return [what for what, _, _ in self.shown]

    def enabled_of(self, what: str) -> bool:
        """Return whether the only element of that name is enabled."""
        (found,) = [on for name, _, on in self.shown if name == what]
        return found
