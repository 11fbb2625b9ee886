"""Resolve's objects over the pipes to the script in Resolve's menu (`menu_script`), and in this process, where Resolve allows that.

Over the pipes Resolve's own Python is never the one that Tracklay runs in: any version does, and a crash stays on one side.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast

from ..errors import InvalidInput
from .calls import call_if_present

if TYPE_CHECKING:
    from fusionscript import Resolve

API_MODULE = "DaVinciResolveScript"

API_FOLDERS = {
    "darwin": "/Library/Application Support/Blackmagic Design/DaVinci Resolve/Developer/Scripting",
    "win32": r"%PROGRAMDATA%\Blackmagic Design\DaVinci Resolve\Support\Developer\Scripting",
    "linux": "/opt/resolve/Developer/Scripting",
}
LIBRARIES = {
    "darwin": "/Applications/DaVinci Resolve/DaVinci Resolve.app/Contents/Libraries/Fusion/fusionscript.so",
    "win32": r"C:\Program Files\Blackmagic Design\DaVinci Resolve\fusionscript.dll",
    "linux": "/opt/resolve/libs/Fusion/fusionscript.so",
}
"""Where Resolve installs its module and its library (README); `RESOLVE_SCRIPT_API` and `RESOLVE_SCRIPT_LIB` name others."""


class BridgeLink:
    """The pipes to Resolve. One call is made at a time, whatever thread asks for it."""

    def __init__(self, replies: TextIO, requests: TextIO) -> None:
        self._replies, self._requests, self._lock = replies, requests, threading.Lock()

    def call(self, request: Mapping[str, Any]) -> Any:
        """Return the answer to a request.

        Raises:
            InvalidInput: Resolve is gone, or the call failed there.
        """
        with self._lock:
            try:
                self._requests.write(json.dumps(request) + "\n")
                self._requests.flush()
                line = self._replies.readline()
            except (OSError, ValueError):
                line = ""
        if not line:
            raise InvalidInput("resolve.gone", "Resolve does not answer any more. Start Tracklay from its menu again.")
        reply = json.loads(line)
        if "error" in reply:
            raise InvalidInput(
                "resolve.call_failed",
                "Resolve failed at {call}: {error}.",
                call=request.get("call", "dir"),
                error=str(reply["error"]).rstrip("."),
            )
        return self._decode(reply["value"])

    def _decode(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._decode(each) for each in value]
        if isinstance(value, dict) and "object" in value:
            return RemoteObject(self, value["object"])
        if isinstance(value, dict):
            return {self._decode(key): self._decode(each) for key, each in value["pairs"]}
        return value


class RemoteObject:
    """An object of Resolve's on the other side: any method can be called, and `dir` lists those that it has."""

    def __init__(self, link: BridgeLink, number: int) -> None:
        self._link, self._number = link, number

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda *args: self._link.call({"on": self._number, "call": name, "args": encode_value(args)})

    def __dir__(self) -> list[str]:
        names: list[str] = self._link.call({"on": self._number})
        return names


def encode_value(value: Any) -> Any:
    """Return an argument as JSON."""
    if isinstance(value, RemoteObject):
        return {"object": value._number}  # noqa: SLF001 - its own number
    if isinstance(value, list | tuple):
        return [encode_value(each) for each in value]
    if isinstance(value, dict):
        return {"pairs": [[key, encode_value(each)] for key, each in value.items()]}
    return value


def connect_bridge() -> Resolve:
    """Return Resolve over standard input and output. Whatever is printed from now on goes to standard error."""
    requests = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return cast("Resolve", RemoteObject(BridgeLink(sys.stdin, requests), 0))


def connect_studio() -> Resolve:
    """Return the Resolve that runs on this machine, from outside it, which only its Studio edition allows.

    Raises:
        InvalidInput: it does not answer.
    """
    system = "linux" if sys.platform not in API_FOLDERS else sys.platform
    folder = os.environ.setdefault("RESOLVE_SCRIPT_API", os.path.expandvars(API_FOLDERS[system]))
    os.environ.setdefault("RESOLVE_SCRIPT_LIB", LIBRARIES[system])
    modules = str(Path(folder) / "Modules")
    if modules not in sys.path:
        sys.path.append(modules)
    try:
        resolve = call_if_present(importlib.import_module(API_MODULE), "scriptapp", "Resolve")
    except (ImportError, OSError, SystemExit):
        resolve = None
    if not resolve:
        raise InvalidInput(
            "resolve.not_running",
            "Resolve does not answer. Start it; in Studio set Preferences > System > General > External scripting to Local, in the free "
            "edition start Tracklay from Workspace > Scripts (`tracklay resolve install`).",
        )
    return cast("Resolve", resolve)
