"""A process with everything imported that forks for each command, so that a thousand commands can be killed in minutes.

Reads one JSON object a line: `arguments` of `tracklay`, `environment`, and when the child kills itself: `at` a transition
(`before:running`, `after:running`) or at the `event`-th event. Answers `{"status": …, "events": …}`.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from tracklay.cli import main as command
from tracklay.jobs import ledger, ledger_writer, pipeline
from tracklay.providers import base, fal
from tracklay.providers.retry import RetryPolicy

COUNTED = {"open", "os.rename", "os.link", "os.remove", "os.mkdir", "os.rmdir", "subprocess.Popen", "socket.connect"}


def die() -> None:
    """End like a crash: without any clean-up."""
    os.kill(os.getpid(), signal.SIGKILL)


happened = 0


def be_killed(at: str | None, event: int | None) -> None:
    """Make the child kill itself at a transition or event, and count the events until then."""
    when, _, state = (at or "").partition(":")
    moved: set[str] = set()

    def happens() -> None:
        global happened  # noqa: PLW0603 - a child has one life
        happened += 1
        if happened == event:
            die()

    real_move, real_together = ledger.Ledger.transition, ledger_writer.LedgerWriter._commit_batch

    def move(self, job, after, /, **fields):
        happens()
        if (when, state) == ("before", after):
            die()
        moved.add(after)
        return real_move(self, job, after, **fields)

    def together(self, acts):
        real_together(self, acts)
        happens()
        if when == "after" and state in moved:
            die()

    def heard(name, _):
        if name in COUNTED:
            happens()

    ledger.Ledger.transition, ledger_writer.LedgerWriter._commit_batch = move, together  # type: ignore[method-assign]
    if event is not None:
        sys.addaudithook(heard)


def child(order: dict[str, Any]) -> int:
    """Run `tracklay`."""
    os.environ.update(order["environment"])
    output = os.open(order["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    be_killed(order.get("at"), order.get("event"))
    status = command.main(order["arguments"])
    Path(order["output"] + ".events").write_text(str(happened))
    return status


def main() -> None:
    """Fork a child for each line."""
    pipeline.POLL_SECONDS = (0.002, 0.02)
    base.DEFAULT_FIND_DELAYS = (0.0, 0.0, 0.0)
    fal.Fal.find_delays = (0.0,) * len(fal.Fal.find_delays)  # type: ignore[assignment]
    RetryPolicy.next_delay = lambda self, attempt, retry_after=None: 0.005  # type: ignore[method-assign]
    for line in sys.stdin:
        order = json.loads(line)
        number = os.fork()
        if not number:
            status = 99
            with contextlib.suppress(BaseException):
                status = child(order)
            os._exit(status)
        _, status = os.waitpid(number, 0)
        print(json.dumps({"status": os.waitstatus_to_exitcode(status)}), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
