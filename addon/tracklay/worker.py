"""Calls a function of this package in a separate Python process, so that heavy work never holds the editor's interpreter.

Arguments and results are plain data (JSON). A `TracklayError` raised by the function is raised again here. The process is this Python,
or another program that runs Python code, such as Blender.

A process of this Python stays for the next call: starting it and importing numpy and our modules takes longer than most calls. One
that is killed, or dies, takes only its own call with it.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from . import errors, settings
from .processes import child_environment, kill_process_group, start_process

_logger = logging.getLogger("tracklay.worker")

EXIT_TIMEOUT_SECONDS = 20.0
"""Seconds that another program may take to exit after it has replied."""

IDLE_SECONDS = 30.0
"""Seconds after its last call at which an idle process ends itself."""

REUSE_SECONDS = IDLE_SECONDS - 5
"""Seconds for which an idle process is used again: well before it ends itself."""

MAX_IDLE = os.cpu_count() or 1
"""Idle processes that are kept at most."""

MAX_CALLS = 100
"""Calls of one process at most: what they leave in its memory goes with it."""

KEPT_STDERR_LINES = 50
"""Last lines of a process's stderr that are kept, for the error if it dies."""

PYTHON_FLAGS = ("-I", "-B", "-c")
"""Python's options: without the current folder on the module path, `PYTHON*` variables and bytecode files."""

BOOTSTRAP = """\
import os, sys
here = os.getcwd()
sys.path[:] = [path for path in sys.path if os.path.isabs(path) and os.path.realpath(path) != here]
import importlib, importlib.util
folder = sys.argv[-1]
sys.path += [path for path in os.environ["TRACKLAY_WORKER_PATHS"].split(os.pathsep) if path not in sys.path]
spec = importlib.util.spec_from_file_location("tracklay_worker", folder + "/__init__.py", submodule_search_locations=[folder])
package = importlib.util.module_from_spec(spec)
sys.modules["tracklay_worker"] = package
spec.loader.exec_module(package)
importlib.import_module("tracklay_worker.worker").serve()
"""
"""The process's program. It loads the package from its folder: inside Blender the package has no name that another Python could
import. The current folder is removed first: another program than this Python may have it on its module path. This Python's packages come
last: a program with another Python version uses its own numpy, and our pure Python packages."""

REPLY_PREFIX = "tracklay answers: "
"""Start of the line with the reply: Blender prints other lines to the same output."""


class WorkerProcess:
    """One function call in a separate process. The process starts at once, if none is idle; `result` waits for it."""

    def __init__(self, function: str, arguments: dict[str, Any], program: Sequence[str] = ()) -> None:
        """Start or take a process for `function` (`sketch.engine:generate_audio`).

        Args:
            function: module, relative to this package, and function.
            arguments: keyword arguments, as JSON holds them.
            program: the command that runs the Python code that follows it; by default this Python. It serves this call alone.
        """
        self._function = function
        self._request = json.dumps([function, arguments]).encode() + b"\n"
        self._is_other_program = bool(program)
        self._process: _Process | None = _Process(_Surroundings.current(), program) if program else _idle.take()
        _logger.info("worker process %d runs %s", self._process.pid, function)

    @property
    def process_id(self) -> str:
        """The number of the process, as the names of its temporary files have it; empty once the call is complete."""
        return str(process.pid) if (process := self._process) else ""

    def kill(self) -> None:
        """Kill the process and its children, unless the call is complete."""
        if process := self._process:
            process.kill()

    def result(self) -> Any:
        """Wait for the function's result.

        Raises:
            TracklayError: raised by the function.
            ModelFailed: the process exited without a reply.
        """
        process = self._process
        assert process  # noqa: S101 - the result is asked for once
        reply = process.call(self._request)
        if reply is None:
            process.kill()
            raise errors.ModelFailed(
                "worker.no_result",
                "{function} ended without a result: {reason}.",
                function=self._function,
                reason=process.last_stderr_line().rstrip(".") or "it was killed",
            )
        self._process = None  # a `kill` that comes too late must not meet the next call
        if self._is_other_program:
            process.end()
        else:
            _idle.give_back(process)
        if "error" in reply:
            raise errors.TracklayError.from_dict(reply["error"])
        return reply["result"]


class _Surroundings(NamedTuple):
    """The folder and variables that a process takes over when it starts: a call with others needs another process."""

    folder: str
    own_environment: tuple[tuple[str, str], ...]
    inherited_environment: tuple[tuple[str, str], ...]

    @classmethod
    def current(cls) -> _Surroundings:
        here = Path.cwd()
        # A file in the current folder must not become a module: neither `json.py` nor `numpy.py`.
        paths = [path for path in sys.path if Path(path).is_absolute() and Path(path).resolve() != here]
        own = {**settings.current().to_environment(), "TRACKLAY_WORKER_PATHS": os.pathsep.join(paths)}
        return cls(str(here), tuple(sorted(own.items())), tuple(sorted(child_environment().items())))


class _Process:
    """A process that runs `serve`."""

    def __init__(self, surroundings: _Surroundings, program: Sequence[str] = ()) -> None:
        self.surroundings = surroundings
        self.idle_since = 0.0
        self._calls = 0
        self._is_calling = False
        self._pipes_lock = threading.Lock()
        self._popen = start_process(
            [*(program or (sys.executable, *PYTHON_FLAGS)), BOOTSTRAP, "--", str(Path(__file__).parent)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            environment=dict(surroundings.own_environment),
        )
        self._stderr_lines: deque[bytes] = deque(maxlen=KEPT_STDERR_LINES)
        # Read all the time: a full pipe would block the process.
        self._stderr_reader = threading.Thread(target=self._read_stderr, name="tracklay-worker", daemon=True)
        self._stderr_reader.start()

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def is_reusable(self) -> bool:
        is_fresh = time.monotonic() - self.idle_since < REUSE_SECONDS
        return is_fresh and self._calls < MAX_CALLS and self._popen.poll() is None

    def call(self, request: bytes) -> dict[str, Any] | None:
        """Return the reply to a request; None if the process ends without one."""
        stdin, stdout = self._popen.stdin, self._popen.stdout
        assert stdin  # noqa: S101 - they are pipes
        assert stdout  # noqa: S101
        prefix = REPLY_PREFIX.encode()
        with self._pipes_lock:
            if stdin.closed:  # it was killed before
                return None
            self._is_calling = True
        self._calls += 1
        try:
            with contextlib.suppress(OSError):  # a process that died closes the pipe; its stderr says why
                stdin.write(request)
                stdin.flush()
            line = next((line for line in stdout if line.startswith(prefix)), None)
        finally:
            self._is_calling = False
        return None if line is None else json.loads(line.removeprefix(prefix))

    def kill(self) -> None:
        """Kill the process and its children. A call in another thread then returns None."""
        kill_process_group(self._popen)
        self._popen.wait()
        with self._pipes_lock:
            if not self._is_calling:
                self._close_pipes()

    def end(self) -> None:
        """Let the process exit by itself; kill it if it does not: the bpy module may hang at exit."""
        assert self._popen.stdin  # noqa: S101 - they are pipes
        assert self._popen.stdout  # noqa: S101
        self._popen.stdin.close()
        rest = threading.Thread(target=self._popen.stdout.read, daemon=True)
        rest.start()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(EXIT_TIMEOUT_SECONDS)
        kill_process_group(self._popen)
        rest.join()
        self.kill()

    def last_stderr_line(self) -> str:
        """Return the last line that a process which has ended wrote to stderr."""
        self._stderr_reader.join()
        lines = (line.decode("utf-8", "replace").strip() for line in reversed(self._stderr_lines))
        return next((line for line in lines if line), "")

    def _close_pipes(self) -> None:
        for pipe in (self._popen.stdin, self._popen.stdout):
            with contextlib.suppress(OSError):
                if pipe:
                    pipe.close()

    def _read_stderr(self) -> None:
        assert self._popen.stderr  # noqa: S101 - it is a pipe
        with self._popen.stderr as stderr:
            self._stderr_lines.extend(stderr)


class _IdleProcesses:
    """Processes of this Python that wait for the next call."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[_Process] = []

    def take(self) -> _Process:
        """Return an idle process with the current surroundings, or a new one."""
        surroundings = _Surroundings.current()
        with self._lock:
            ended = [process for process in self._idle if not process.is_reusable]
            self._idle = [process for process in self._idle if process not in ended]
            # The last one: its modules and memory are the warmest.
            found = next((process for process in reversed(self._idle) if process.surroundings == surroundings), None)
            if found:
                self._idle.remove(found)
        for process in ended:
            process.kill()
        return found or _Process(surroundings)

    def give_back(self, process: _Process) -> None:
        """Keep a process whose call is complete for the next one, and end the one that has waited longest if there are too many."""
        process.idle_since = time.monotonic()
        with self._lock:
            self._idle.append(process)
            surplus = self._idle[: max(0, len(self._idle) - MAX_IDLE)]
            del self._idle[: len(surplus)]
        for other in surplus:
            other.kill()

    def forget(self) -> None:
        """Leave them to the process that this one was forked from."""
        self._lock, self._idle = threading.Lock(), []  # the lock may have been held, too

    def end(self) -> None:
        """End all of them."""
        with self._lock:
            ended, self._idle = self._idle, []
        for process in ended:
            process.kill()


_idle = _IdleProcesses()
atexit.register(_idle.end)
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_idle.forget)


def end_idle_workers() -> None:
    """End the processes that wait for a call: this package is about to be unloaded, or was changed."""
    _idle.end()


def serve() -> None:
    """Run in the worker process: for each line of stdin, call the function in it and print the reply, until stdin ends.

    Ends the process when it has been idle for long: the one that started it may have crashed, and left its end of the pipe to a child.
    """
    calls_done = 0
    while line := _next_request(calls_done):
        function, arguments = json.loads(line)
        module, _, name = function.partition(":")
        reply: dict[str, Any]
        try:
            reply = {"result": getattr(importlib.import_module(f".{module}", __package__), name)(**arguments)}
        except errors.TracklayError as error:
            reply = {"error": error.to_dict()}
        # On a line of its own: the output before may not end with a line break.
        print(f"\n{REPLY_PREFIX}{json.dumps(reply)}", flush=True)  # noqa: T201 - the reply goes to stdout
        calls_done += 1


def _next_request(calls_done: int) -> str:
    """Return the next line of stdin, empty at its end."""
    if not calls_done:
        return sys.stdin.readline()
    # Exits at once: nothing is in progress, and stdin is being read by the main thread.
    timer = threading.Timer(IDLE_SECONDS, os._exit, (0,))
    timer.daemon = True
    timer.start()
    try:
        return sys.stdin.readline()
    finally:
        timer.cancel()
