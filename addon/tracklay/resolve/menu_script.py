"""Tracklay: generates sound for the clips of this timeline. `tracklay resolve install` wrote this file; `uninstall` deletes it.

It starts Tracklay in a Python of its own, opens its window in the browser, and makes the calls into Resolve that Tracklay asks for over
the pipes between both. It needs nothing but Python 3.7.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

PYTHON = ""  # the Python that Tracklay is installed in; written by `tracklay resolve install`
PACKAGES = ""  # the folder of the package `tracklay`


class Bridge:
    """Makes calls on Resolve's objects that the other side names by numbers; Resolve itself is number 0."""

    def __init__(self, resolve: Any) -> None:
        self.objects = [resolve]

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the reply to a request: a value, or the text of an error."""
        try:
            target = self.objects[request["on"]]
            if "call" not in request:
                return {"value": dir(target)}
            method = getattr(target, request["call"])
            return {"value": self.encode(method(*map(self.decode, request["args"])))}
        except Exception as error:  # noqa: BLE001 - the other side has to be answered, whatever Resolve raises
            return {"error": f"{type(error).__name__}: {error}"}

    def encode(self, value: Any) -> Any:
        """Return a value of Resolve's as JSON."""
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        if isinstance(value, (list, tuple)):
            return [self.encode(each) for each in value]
        if isinstance(value, dict):
            return {"pairs": [[self.encode(key), self.encode(each)] for key, each in value.items()]}
        self.objects.append(value)
        return {"object": len(self.objects) - 1}

    def decode(self, value: Any) -> Any:
        """Return a value as Resolve gets it."""
        if isinstance(value, list):
            return [self.decode(each) for each in value]
        if isinstance(value, dict) and "object" in value:
            return self.objects[value["object"]]
        if isinstance(value, dict):
            return {key: self.decode(each) for key, each in value["pairs"]}
        return value


def serve(resolve: Any, command: list[str]) -> int:
    """Run a command, answer its requests until it ends, and return its exit status."""
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONHOME", "PYTHONPATH")}
    environment["PYTHONPATH"] = PACKAGES
    hidden = 0x08000000 if os.name == "nt" else 0  # CREATE_NO_WINDOW
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, encoding="utf-8", creationflags=hidden
    )
    assert process.stdin  # noqa: S101
    assert process.stdout  # noqa: S101
    bridge = Bridge(resolve)
    for line in process.stdout:
        process.stdin.write(json.dumps(bridge.answer(json.loads(line))) + "\n")
        process.stdin.flush()
    return int(process.wait())


def find_resolve() -> Any:
    """Return Resolve's own object, which its menu gives to scripts."""
    names = globals()
    if names.get("resolve"):
        return names["resolve"]
    return names["bmd"].scriptapp("Resolve")


if __name__ == "__main__":
    if not os.path.isfile(PYTHON):  # noqa: PTH113 - one import less in a small script
        sys.exit(f"Tracklay has moved: {PYTHON} is missing. Run `tracklay resolve install` again.")
    serve(find_resolve(), [PYTHON, "-m", "tracklay", "resolve", "open", "--bridge"])
