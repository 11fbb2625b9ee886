"""Every error that users read: one class for each kind, with the message as data.

    TracklayError
      InvalidInput             wrong path, time or parameter; exit status 2, all others 1
      MediaError               ffmpeg cannot read or write a file
      OutputError              a result cannot be written
      ModelFailed              the model ran and failed
      Cancelled                the user cancelled
      KeyMissing, KeyRefused   no API key, or one that the provider does not accept
      InsufficientCredit       the provider's account is empty
      RefusedInput             the provider rejects a value
      RefusedContent           the provider's content policy rejects the request
      NotFound                 unknown model or request
      ResultExpired            the provider has deleted the result
      ProviderUnavailable      unreachable, overloaded, or an invalid response, after all retries
      ProviderTimeout          no result within the longest allowed time
      SubmissionUnknown        a request left and no answer came: it may have been charged
      LedgerError              the job ledger cannot be read or written
      OverBudget               a budget cap stopped the submission

An error is data: a `code`, an English `template` and its `params`. A front end words it with `describe`: it translates the
template and adds its own hint for the code (an option of the command, a panel in Blender). No library code names an option.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class TracklayError(Exception):
    """Base class of all errors with a message for the user.

    Attributes:
        code: identifier of the message, `area.problem` (`path.not_a_directory`): hints are attached to it.
        template: the English sentence, with a `{name}` for each parameter. One code has one template.
        params: the values of the template, and more that hints may use.
        subject: the clip, row or file the error belongs to; the message begins with it.
    """

    kind = "failed"
    """The word that manifests, results and scripts see. A contract: never renamed."""

    def __init__(self, code: str, template: str | None = None, /, **params: Any) -> None:
        # Pickle calls the class with `args` and then restores `__dict__`: Dask sends errors between machines this way.
        super().__init__(code) if template is None else super().__init__(code, template)
        self.code = code if template is not None else ""
        self.template = template
        self.params = params
        self.subject = ""

    def __str__(self) -> str:
        return describe(self)

    def prefix_with(self, subject: str) -> Self:
        """Name the clip, row or file that the error belongs to, unless the message names it already."""
        if subject not in str(self):
            self.subject = f"{subject}: {self.subject}" if self.subject else subject
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return the error as JSON holds it; `from_dict` is the inverse. Values that JSON cannot hold become text."""
        return {
            "class": next(kind.__name__ for kind in type(self).__mro__ if kind.__name__ in CLASSES),
            "code": self.code,
            "template": self.template if self.template is not None else str(self.args[0]),
            "params": {name: _to_json(value) for name, value in self.params.items()},
            "subject": self.subject,
        }

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> TracklayError:
        """Rebuild an error from `to_dict`."""
        params = {name: _from_json(value) for name, value in data["params"].items()}
        arguments = (data["code"], data["template"]) if data["code"] else (data["template"],)
        error = CLASSES[data["class"]](*arguments, **params)
        error.subject = data["subject"]
        return error


def describe(
    error: TracklayError,
    hints: Mapping[str, str] | None = None,
    translate: Callable[[str], str] | None = None,
) -> str:
    """Return an error as one front end words it.

    Args:
        error: the error.
        hints: the front end's own next step for a code, as a template over the error's parameters.
        translate: translates a template; by default it stays English.
    """
    translated = translate or str
    if error.template is None:
        message = str(error.args[0]) if error.args else ""
    else:
        values = {
            name: describe(value, hints, translate) if isinstance(value, TracklayError) else value
            for name, value in error.params.items()
        }
        message = translated(error.template).format(**values)
        if hints and (hint := hints.get(error.code)):
            message = f"{message} {translated(hint).format(**values)}"
    return f"{error.subject}: {message}" if error.subject else message


def _to_json(value: Any) -> Any:
    if isinstance(value, TracklayError):
        return {"error": value.to_dict()}
    if isinstance(value, Path):
        return str(value)
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _from_json(value: Any) -> Any:
    return TracklayError.from_dict(value["error"]) if isinstance(value, dict) else value


class InvalidInput(TracklayError):
    """A request that cannot be run as given: a wrong path, a wrong time, a parameter out of range."""

    kind = "bad-input"


def file_not_found_error(path: Path) -> InvalidInput:
    """Return the error for a file that does not exist."""
    return InvalidInput("path.not_found", "File not found: {path}.", path=path)


class MediaError(TracklayError):
    """ffmpeg could not read or write a file."""

    kind = "media"


class OutputError(TracklayError):
    """A result could not be written: no space, no permission."""

    kind = "output"


class ModelFailed(TracklayError):
    """The model ran and failed, or returned something that is not sound."""

    kind = "model-failed"


class Cancelled(TracklayError):
    """The user cancelled the work."""

    kind = "cancelled"


class KeyMissing(TracklayError):
    """The provider needs an API key and none is set."""

    kind = "key-missing"


class KeyRefused(TracklayError):
    """The provider does not accept the API key, or the key lacks a permission."""

    kind = "key-refused"


class InsufficientCredit(TracklayError):
    """The provider's account has no credit left. Retrying is useless until it is topped up."""

    kind = "no-credit"


class RefusedInput(TracklayError):
    """The provider rejects a value. `params["field"]` is the provider's name of the input, empty if it names none."""

    kind = "refused-input"

    @property
    def field(self) -> str:
        """The provider's name of the rejected input, or an empty string."""
        return str(self.params.get("field", ""))


class RefusedContent(TracklayError):
    """The provider's content policy rejects the prompt, the picture or the sound."""

    kind = "refused-content"


class NotFound(TracklayError):
    """The provider knows no such model or request."""

    kind = "not-there"


class ResultExpired(TracklayError):
    """The work was done, and the provider has deleted its result."""

    kind = "result-gone"


class ProviderUnavailable(TracklayError):
    """The provider is unreachable, overloaded, or returned an invalid response. Raised after all retries."""

    kind = "provider-trouble"


class ProviderTimeout(TracklayError):
    """No result came within the longest allowed time."""

    kind = "timed-out"


class SubmissionUnknown(TracklayError):
    """A request was sent and no answer came: it may have been charged, so it is never resent automatically."""

    kind = "unclear"


class LedgerError(TracklayError):
    """The ledger of jobs cannot be read or written. The file is left unchanged."""

    kind = "ledger"


class OverBudget(TracklayError):
    """A budget cap stopped the submission; nothing was sent."""

    kind = "over-budget"


CLASSES: dict[str, type[TracklayError]] = {"TracklayError": TracklayError}
"""Error classes by name, for `from_dict`."""

CLASSES.update({kind.__name__: kind for kind in TracklayError.__subclasses__()})
