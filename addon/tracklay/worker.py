"""Runs a function of ours in a Python process of its own, so that heavy work never holds the interpreter that draws the editor.

The function takes and gives plain data (what JSON holds). An error of ours comes back as itself. The process is this Python again,
or another program that runs Python code, such as Blender.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import logging
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import errors, settings

if TYPE_CHECKING:
    from collections.abc import Sequence

_logger = logging.getLogger("tracklay.worker")

EXIT_TIMEOUT_SECONDS = 20.0
"""Seconds that a process may take to end once it has answered."""

NO_WINDOW_FLAGS = 0
"""Popen's flags that keep a console from flashing up, where the platform has such a thing."""

if sys.platform == "win32":
    NO_WINDOW_FLAGS = subprocess.CREATE_NO_WINDOW

BOOTSTRAP = """\
import importlib, importlib.util, os, sys
folder, function = sys.argv[-2:]
sys.path += [path for path in os.environ["TRACKLAY_WORKER_PATHS"].split(os.pathsep) if path not in sys.path]
spec = importlib.util.spec_from_file_location("tracklay_worker", folder + "/__init__.py", submodule_search_locations=[folder])
package = importlib.util.module_from_spec(spec)
sys.modules["tracklay_worker"] = package
spec.loader.exec_module(package)
importlib.import_module("tracklay_worker.worker").serve(function)
"""
"""The package is loaded from its folder: inside Blender it has no name that another Python could import. What the program finds by
itself stands before this Python's packages, so that another version of Python takes its own numpy and our pure Python ones."""

REPLY_PREFIX = "tracklay answers: "
"""How the answer's line begins: Blender says other things on the same output."""


class WorkerProcess:
    """One call in a process of its own. `kill` ends it at once."""

    def __init__(self, function: str, arguments: dict[str, Any], program: Sequence[str] = ()) -> None:
        """Start `function` (`sketch.engine:generate_audio`). `program` runs the Python code that comes after it; by default this Python."""
        paths = [path for path in sys.path if path]
        self._function = function
        self._popen = subprocess.Popen(
            [*(program or (sys.executable, "-c")), BOOTSTRAP, "--", str(Path(__file__).parent), function],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={
                **os.environ,
                **settings.current().to_environment(),
                "TRACKLAY_WORKER_PATHS": os.pathsep.join(paths),
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            start_new_session=sys.platform != "win32",
            creationflags=NO_WINDOW_FLAGS,
        )
        _logger.info("worker process %d runs %s", self._popen.pid, function)
        self._arguments = json.dumps(arguments).encode()

    def kill(self) -> None:
        """End it, and whatever it started (which holds its pipes)."""
        with contextlib.suppress(OSError):
            if sys.platform == "win32":
                self._popen.kill()
            else:
                import signal  # noqa: PLC0415

                os.killpg(self._popen.pid, signal.SIGKILL)

    def result(self) -> Any:
        """Wait for what it gives.

        Raises:
            TracklayError: what the function raised; `ModelFailed` when the process died.
        """
        answer, words = self._read_reply()
        if answer is None:
            last = words.decode("utf-8", "replace").strip().rpartition("\n")[2]
            raise errors.ModelFailed(f"{self._function} ended without a result: {last or 'it was killed'}")
        if "error" in answer:
            raise errors.TracklayError.from_dict(answer["error"])
        return answer["result"]

    def _read_reply(self) -> tuple[dict[str, Any] | None, bytes]:
        """Its answer, and what else it said. Once it has answered it has `EXIT_TIMEOUT_SECONDS` to end itself: Blender's module may never do so."""
        stdin, stdout, stderr = self._popen.stdin, self._popen.stdout, self._popen.stderr
        assert stdin  # noqa: S101 - they are pipes
        assert stdout  # noqa: S101
        assert stderr  # noqa: S101
        with stdout, stderr, ThreadPoolExecutor(2, "tracklay-worker") as reading:
            words = reading.submit(stderr.read)
            with contextlib.suppress(OSError), stdin:  # it may have died; what it said tells
                stdin.write(self._arguments)
            said = REPLY_PREFIX.encode()
            line = next((line for line in stdout if line.startswith(said)), None)
            rest = reading.submit(stdout.read)
            try:
                self._popen.wait(EXIT_TIMEOUT_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()
                self._popen.wait()
            rest.result()
            return None if line is None else json.loads(line.removeprefix(said)), words.result()


def serve(function: str) -> None:
    """Be the process: read the arguments, call, answer."""
    arguments = json.load(sys.stdin)
    module, _, name = function.partition(":")
    answer: dict[str, Any]
    try:
        answer = {"result": getattr(importlib.import_module(f".{module}", __package__), name)(**arguments)}
    except errors.TracklayError as error:
        answer = {"error": error.to_dict()}
    print(f"\n{REPLY_PREFIX}{json.dumps(answer)}", flush=True)  # noqa: T201 - it is how a worker speaks
