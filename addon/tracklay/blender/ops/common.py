"""Base class of the operators, and what they share."""

from __future__ import annotations

import inspect
from collections.abc import Set as AbstractSet
from fractions import Fraction
from typing import Any, Protocol

import bpy
from bpy.props import BoolProperty

from ...errors import TracklayError
from ..settings.i18n.translate import translate_error, translate_report

SKIP_SAVE = {"SKIP_SAVE"}
"""Options of an argument that is not remembered: a call that leaves it out gets the default, not the last call's value."""

POLL_SECONDS = 0.1
"""Interval at which a modal operator checks whether its work is done."""

WAIT_ARGUMENT = BoolProperty(name="Wait", description="Block until all takes are laid (for scripts)", options=SKIP_SAVE)


class TracklayOperator:
    """Base class of the operators. The first paragraph of a subclass's docstring is its tooltip."""

    report: Any

    bl_description: str

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.__doc__ and "bl_description" not in vars(cls):
            cls.bl_description = tooltip(cls.__doc__)

    def report_error(self, error: TracklayError) -> AbstractSet[str]:
        """Report an error and return the result of a failed operator."""
        self.report({"ERROR"}, translate_error(error, translate_report))
        return {"CANCELLED"}


def tooltip(docstring: str) -> str:
    """Return the first paragraph of a docstring on one line, without its full stop: Blender adds one."""
    first, _, _ = inspect.cleandoc(docstring).partition("\n\n")
    return " ".join(first.split()).removesuffix(".")


def exact_seconds(seconds: float) -> Fraction:
    """Return a number that a user typed as the fraction that was meant: Blender's properties hold 32-bit floats."""
    return Fraction(round(seconds * 1000), 1000)


class BackgroundWork(Protocol):
    """Work in a thread or process, as a modal operator waits for it."""

    @property
    def is_finished(self) -> bool:
        """True once it has ended."""

    def cancel(self) -> None:
        """End it, and wait for its threads."""


_running_operators: list[ModalOperator] = []
"""Operators whose work is running. They are cancelled when the extension is unregistered."""


def running_operators() -> tuple[ModalOperator, ...]:
    """Return the modal operators whose work is running."""
    return tuple(_running_operators)


def cancel_running_operators() -> None:
    """Cancel all work of modal operators."""
    while _running_operators:
        _running_operators[-1].cancel(bpy.context)  # removes the operator from the list


class ModalOperator(TracklayOperator):
    """Base class of an operator whose work runs elsewhere: the user keeps working meanwhile, and Esc cancels."""

    _work: BackgroundWork | None = None
    _timer: Any = None

    def start_modal(self, context: Any, work: BackgroundWork, status: str) -> AbstractSet[str]:
        """Wait for work that is running, and return the operator's result. `status` is shown at the window's edge, translated."""
        self._work = work
        _running_operators.append(self)
        manager = context.window_manager
        self._timer = manager.event_timer_add(POLL_SECONDS, window=context.window)
        manager.modal_handler_add(self)
        context.workspace.status_text_set(status)
        return {"RUNNING_MODAL"}

    def finish(self, context: Any) -> AbstractSet[str]:
        """Use what the work has found, and return the operator's result. Errors are reported."""
        raise NotImplementedError

    def modal(self, context: Any, event: Any) -> AbstractSet[str]:
        if event.type == "ESC":
            self.cancel(context)
            return {"CANCELLED"}
        if event.type != "TIMER" or self._work is None or not self._work.is_finished:
            return {"PASS_THROUGH"}
        self._stop_timer(context)
        try:
            return self.finish(context)
        except TracklayError as error:
            return self.report_error(error)

    def cancel(self, context: Any) -> None:
        """Cancel the work. Blender calls this too, when another file is opened, and when a file browser is closed."""
        if self._work is not None:
            self._work.cancel()
            self._stop_timer(context)

    def _stop_timer(self, context: Any) -> None:
        if self in _running_operators:
            _running_operators.remove(self)
            context.window_manager.event_timer_remove(self._timer)
            if context.workspace:
                context.workspace.status_text_set(None)
