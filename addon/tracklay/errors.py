"""What can go wrong, one class for each meaning. A message is one sentence for the person: what, where, the mend.

`kind` is the word that manifests and programs see. Bad input ends the command with status 2, everything else with 1.
"""

from __future__ import annotations

from typing import Self


class TracklayError(Exception):
    """The base of every error that a person is meant to read."""

    kind = "failed"

    def about(self, clip: str) -> Self:
        """The same error, its message beginning with the clip that it happened to."""
        if clip not in str(self):
            self.args = (f"{clip}: {self}", *self.args[1:])
        return self


class BadInput(TracklayError):
    """What was asked for cannot be done as asked: a wrong path, a wrong time, a parameter out of range."""

    kind = "bad-input"


class MediaError(TracklayError):
    """ffmpeg could not read or write what it should."""

    kind = "media"


class OutputError(TracklayError):
    """The result could not be written: no room, no permission."""

    kind = "output"


class ModelFailed(TracklayError):
    """The model ran and failed, or gave something that is not sound."""

    kind = "model-failed"


class Cancelled(TracklayError):
    """The person stopped it."""

    kind = "cancelled"


class KeyMissing(TracklayError):
    """The provider wants a key and none is set."""

    kind = "key-missing"


class KeyRefused(TracklayError):
    """The provider does not know the key, or it may not do this."""

    kind = "key-refused"


class NoCredit(TracklayError):
    """The provider's account has nothing left to pay with. Trying again is useless until somebody pays."""

    kind = "no-credit"


class RefusedInput(TracklayError):
    """The provider will not take what was sent. `field` is the input's name there, empty where it does not say."""

    kind = "refused-input"

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class RefusedContent(TracklayError):
    """The provider's content policy stands against the prompt, the picture or the sound."""

    kind = "refused-content"


class NotThere(TracklayError):
    """The provider knows no such model or request."""

    kind = "not-there"


class ResultGone(TracklayError):
    """The work was done, and the provider has deleted what came of it."""

    kind = "result-gone"


class ProviderTrouble(TracklayError):
    """The provider cannot be reached, answers with nonsense, or is overloaded; as often as is allowed, it was tried again."""

    kind = "provider-trouble"


class TimedOut(TracklayError):
    """It took longer than anybody should wait."""

    kind = "timed-out"


class Unclear(TracklayError):
    """A submission left and nobody knows whether it arrived: it may have been paid for, and is never sent again by itself."""

    kind = "unclear"


class LedgerTrouble(TracklayError):
    """The ledger of jobs cannot be read or written. The file is left as it is."""

    kind = "ledger"


class OverBudget(TracklayError):
    """A cap stands against the submission; nothing was sent."""

    kind = "over-budget"
