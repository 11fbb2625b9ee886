"""Calls a function of this package in a separate Python process, so that heavy work never holds the editor's interpreter.

Arguments and results are plain data (JSON). A `TracklayError` raised by the function is raised again here. The process is this Python,
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
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from . import errors, settings
from .processes import kill_process_group, start_process

_logger = logging.getLogger("tracklay.worker")

EXIT_TIMEOUT_SECONDS = 20.0
"""Seconds that the process may take to exit after it has replied."""

PYTHON_FLAGS = ("-I", "-B", "-c")
"""Python's options: without the current folder on the module path, `PYTHON*` variables and bytecode files."""

BOOTSTRAP = """\
import os, sys
here = os.getcwd()
sys.path[:] = [path for path in sys.path if os.path.isabs(path) and path != here]
import importlib, importlib.util
folder, function = sys.argv[-2:]
sys.path += [path for path in os.environ["TRACKLAY_WORKER_PATHS"].split(os.pathsep) if path not in sys.path]
spec = importlib.util.spec_from_file_location("tracklay_worker", folder + "/__init__.py", submodule_search_locations=[folder])
package = importlib.util.module_from_spec(spec)
sys.modules["tracklay_worker"] = package
spec.loader.exec_module(package)
importlib.import_module("tracklay_worker.worker").serve(function)
"""
"""The process's program. It loads the package from its folder: inside Blender the package has no name that another Python could
import. The current folder is removed first: another program than this Python may have it on its module path. This Python's packages come
last: a program with another Python version uses its own numpy, and our pure Python packages."""

REPLY_PREFIX = "tracklay answers: "
"""Start of the line with the reply: Blender prints other lines to the same output."""


class WorkerProcess:
    """One function call in a separate process. The process starts at once; `result` waits for it."""

    def __init__(self, function: str, arguments: dict[str, Any], program: Sequence[str] = ()) -> None:
        """Start `function` (`sketch.engine:generate_audio`).

        Args:
            function: module, relative to this package, and function.
            arguments: keyword arguments, as JSON holds them.
            program: the command that runs the Python code that follows it; by default this Python.
        """
        # A file in the current folder must not become a module: neither `json.py` nor `numpy.py`.
        paths = [path for path in sys.path if Path(path).is_absolute() and Path(path) != Path.cwd()]
        self._function = function
        self._popen = start_process(
            [*(program or (sys.executable, *PYTHON_FLAGS)), BOOTSTRAP, "--", str(Path(__file__).parent), function],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            environment={
                **settings.current().to_environment(),
                "TRACKLAY_WORKER_PATHS": os.pathsep.join(paths),
            },
        )
        _logger.info("worker process %d runs %s", self._popen.pid, function)
        self._arguments = json.dumps(arguments).encode()

    def kill(self) -> None:
        """Kill the process and its children."""
        kill_process_group(self._popen)

    def result(self) -> Any:
        """Wait for the function's result.

        Raises:
            TracklayError: raised by the function.
            ModelFailed: the process exited without a reply.
        """
        reply, stderr = self._read_reply()
        if reply is None:
            last_line = stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
            raise errors.ModelFailed(
                "worker.no_result",
                "{function} ended without a result: {reason}.",
                function=self._function,
                reason=last_line.rstrip(".") or "it was killed",
            )
        if "error" in reply:
            raise errors.TracklayError.from_dict(reply["error"])
        return reply["result"]

    def _read_reply(self) -> tuple[dict[str, Any] | None, bytes]:
        """Return the reply, None if there is none, and all of stderr."""
        stdin, stdout, stderr = self._popen.stdin, self._popen.stdout, self._popen.stderr
        assert stdin  # noqa: S101 - they are pipes
        assert stdout  # noqa: S101
        assert stderr  # noqa: S101
        with stdout, stderr, ThreadPoolExecutor(2, "tracklay-worker") as readers:
            # Both outputs are read to their ends: a full pipe would block the process.
            stderr_bytes = readers.submit(stderr.read)
            with contextlib.suppress(OSError), stdin:  # a process that died closes the pipe; its stderr says why
                stdin.write(self._arguments)
            prefix = REPLY_PREFIX.encode()
            line = next((line for line in stdout if line.startswith(prefix)), None)
            rest = readers.submit(stdout.read)
            try:
                self._popen.wait(EXIT_TIMEOUT_SECONDS)
            except subprocess.TimeoutExpired:
                # The bpy module may hang at exit. The reply is complete, so nothing is lost.
                self.kill()
                self._popen.wait()
            rest.result()
            return None if line is None else json.loads(line.removeprefix(prefix)), stderr_bytes.result()


def serve(function: str) -> None:
    """Run in the worker process: read the arguments from stdin, call `function`, print the reply."""
    arguments = json.load(sys.stdin)
    module, _, name = function.partition(":")
    reply: dict[str, Any]
    try:
        reply = {"result": getattr(importlib.import_module(f".{module}", __package__), name)(**arguments)}
    except errors.TracklayError as error:
        reply = {"error": error.to_dict()}
    # On a line of its own: the output before may not end with a line break.
    print(f"\n{REPLY_PREFIX}{json.dumps(reply)}", flush=True)  # noqa: T201 - the reply goes to stdout
