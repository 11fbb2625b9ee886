"""Follows a prompt over ComfyUI's WebSocket, for its progress. Without it polling still finds the end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Mapping
from typing import Any

from ...untrusted_data import parse_json

_log = logging.getLogger(__name__)

IDLE_SECONDS = 120.0
"""The connection is closed when its state was not read for so long: the job was interrupted."""

MAX_MESSAGE_BYTES = 4 << 20
"""Bytes of a message: previews are pictures, and are dropped."""

END_MESSAGES = frozenset({"execution_success", "execution_error", "execution_interrupted"})


class ProgressSocket:
    """A connection that listens in a task of its own.

    The server sends progress only to the client ID that queued the prompt, so each prompt has its own connection.

    Attributes:
        fraction: progress of the node that runs, from 0 to 1; None if it reports none.
        node: the node that runs; empty before.
    """

    def __init__(self, base_url: str, headers: Mapping[str, str], client_id: str) -> None:
        self.fraction: float | None = None
        self.node = ""
        self._url = f"ws{base_url.removeprefix('http')}/ws?clientId={client_id}"
        self._headers = dict(headers)
        self._asked_at = time.monotonic()
        # At DEBUG, websockets logs every header, the login included.
        logging.getLogger("websockets").setLevel(logging.INFO)
        self._task = asyncio.get_running_loop().create_task(self._listen())

    def keep_open(self) -> None:
        """Note that the state is still read."""
        self._asked_at = time.monotonic()

    def close(self) -> None:
        """End the connection."""
        self._task.cancel()

    async def _listen(self) -> None:
        try:
            from websockets.asyncio.client import connect  # noqa: PLC0415 - slow to import, and only ComfyUI needs it
        except ImportError:
            _log.debug("ComfyUI: no progress without the package websockets")
            return
        from websockets.exceptions import WebSocketException  # noqa: PLC0415

        try:
            async with connect(
                self._url, additional_headers=self._headers, max_size=MAX_MESSAGE_BYTES, proxy=None
            ) as connection:
                while time.monotonic() - self._asked_at < IDLE_SECONDS:
                    with contextlib.suppress(TimeoutError):
                        if not self._read(await asyncio.wait_for(connection.recv(), IDLE_SECONDS)):
                            return
        except (OSError, WebSocketException, TimeoutError) as error:
            _log.debug("ComfyUI: no progress: %s", error)

    def _read(self, message: str | bytes) -> bool:
        """Take in a message; return False at the prompt's end. Binary ones are previews."""
        if isinstance(message, bytes):
            return True
        try:
            content = parse_json(message.encode())
        except ValueError:
            return True
        data = content.get("data") if isinstance(content, dict) else None
        if not isinstance(data, dict):
            return True
        match content.get("type"):
            case "executing" if isinstance(data.get("node"), str):
                self.node, self.fraction = data["node"], None
            case "progress":
                self._note_progress(data)
            case "progress_state" if isinstance(data.get("nodes"), dict):
                running = [
                    each for each in data["nodes"].values() if isinstance(each, dict) and each.get("state") == "running"
                ]
                if running:
                    self._note_progress({**running[-1], "node": running[-1].get("node_id")})
            case kind if kind in END_MESSAGES:
                return False
        return True

    def _note_progress(self, data: Mapping[str, Any]) -> None:
        value, most = data.get("value"), data.get("max")
        if isinstance(value, int | float) and isinstance(most, int | float) and most > 0:
            self.fraction = min(1.0, max(0.0, value / most))
        if isinstance(data.get("node"), str):
            self.node = data["node"]
