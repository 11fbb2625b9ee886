"""Child processes that run in a process group of their own, so that they can be killed with everything they started."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

_CREATION_FLAGS = 0

if sys.platform == "win32":
    # No console window appears, and Ctrl+C in the parent's console does not reach the child.
    _CREATION_FLAGS = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW


def start_process(command: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
    """Start a command in a new process group, without a console window. `options` are those of `subprocess.Popen`.

    Raises:
        OSError: the command cannot be started.
    """
    return subprocess.Popen(
        command, start_new_session=sys.platform != "win32", creationflags=_CREATION_FLAGS, **options
    )


def kill_process_group(process: subprocess.Popen[bytes]) -> None:
    """Kill a process of `start_process` and its children. On Windows only the process itself. A dead process is no error."""
    with contextlib.suppress(OSError):
        if sys.platform == "win32":
            process.kill()
        else:
            # The children hold the process's pipes: a reader of those would wait for them.
            os.killpg(process.pid, signal.SIGKILL)
