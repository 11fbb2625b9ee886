"""Lets one of many machines make a take, and the others wait for it: files in a folder that they share, and no server.

A claim is a file that only one can create. Whoever holds it writes a beat into it again and again; where the beat rests too long, the
holder has died and another may take over, with the next number. What came of it is a record beside, which stays. No clock is compared
with another machine's, and nobody's claim is ever removed by somebody else before there is a record.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from ..atomic_io import atomic_write, output_error
from ..paths import ensure_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

HEARTBEAT_SECONDS = 5.0
"""Between two beats of a claim that is held."""

STALE_AFTER_SECONDS = 60.0
"""A claim whose beat rests as long, seen by the clock of whoever waits, is a dead machine's: network folders show changes late."""

POLL_SECONDS = 1.0
"""Between two looks of whoever waits."""


@dataclass(slots=True)
class _ObservedClaim:
    """Another's claim, its words when they last changed, and when that was by our own clock."""

    number: int
    content: str
    last_changed: float


class SharedClaims:
    """The claims and records in a folder, for as long as a `with` lasts; what is still held at its end is let go.

    Args:
        folder_path: the folder.
        heartbeat_seconds: seconds between two beats.
        stale_after_seconds: seconds after which a resting claim may be taken over.
        clock: tells seconds that only ever rise.
    """

    def __init__(
        self,
        folder_path: Path,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
        stale_after_seconds: float = STALE_AFTER_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder, self._heartbeat_seconds, self._stale_after_seconds, self._clock = (
            folder_path,
            heartbeat_seconds,
            stale_after_seconds,
            clock,
        )
        self._owner = {"machine": socket.gethostname(), "process": os.getpid(), "token": secrets.token_hex(8)}
        self._held: dict[str, int] = {}
        self._observed: dict[str, _ObservedClaim] = {}
        self._heartbeat_count = 0
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._heartbeat_thread = threading.Thread(target=self._heartbeat_loop, name="tracklay-claims", daemon=True)

    def __enter__(self) -> Self:
        """Begin.

        Raises:
            OutputError: the folder cannot be made or written to.
        """
        ensure_folder(self._folder)
        self._heartbeat_thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Let go of what is still held, so that others need not wait until it is stale."""
        self._closed.set()
        self._heartbeat_thread.join()
        for key in list(self._held):
            self._release(key, left=True)

    def load_record(self, key: str) -> dict[str, Any] | None:
        """What was made under a key; None where there is nothing, or nothing that can be read."""
        try:
            told = json.loads((self._folder / f"{key}.json").read_text("utf-8"))
        except (OSError, ValueError):
            return None
        return told if isinstance(told, dict) else None

    def acquire(self, key: str, is_valid: Callable[[Mapping[str, Any]], bool] = lambda _: True) -> bool:
        """Claim a key, if nobody holds it; whether it is ours now. There is nothing to do where there is a `is_valid` record.

        Raises:
            OutputError: the claim cannot be written.
        """
        if self._has_valid_record(key, is_valid):
            return False
        number, words = self._latest_claim(key)
        if number and not self._is_claim_over(key, number, words):
            return False
        try:
            with self._claim_path(key, number + 1).open("x", encoding="utf-8") as file:
                file.write(self._claim_json())
        except FileExistsError:
            return False
        except OSError as error:
            raise output_error(error, self._folder) from error
        with self._lock:
            self._held[key] = number + 1
        if self._has_valid_record(key, is_valid):  # it came to be while we looked
            self._delete_claims(key)
            return False
        return True

    def _is_claim_over(self, key: str, number: int, content: str) -> bool:
        """Whether the claim that holds is over: let go of, failed before we came, or resting for too long."""
        told, seen = _parse_claim(content), self._observed.get(key)
        if "failed" in told:
            return seen is None or seen.number != number
        if "left" in told:
            return True
        if seen is None or (seen.number, seen.content) != (number, content):
            seen = self._observed[key] = _ObservedClaim(number, content, self._clock())
        return self._clock() - seen.last_changed >= self._stale_after_seconds

    def failure_message(self, key: str) -> str:
        """Why the machine that we waited for made nothing, in words; empty where it did not fail, or not while we waited."""
        seen = self._observed.get(key)
        number, words = self._latest_claim(key)
        told = _parse_claim(words)
        if seen is None or seen.number != number or "failed" not in told:
            return ""
        return f"{told['machine']} could not make it: {told['failed']}"

    def holder_name(self, key: str) -> str:
        """The machine that holds a key, as far as can be read."""
        return str(_parse_claim(self._latest_claim(key)[1]).get("machine", "another machine"))

    def save_record(self, key: str, record: Mapping[str, Any]) -> None:
        """Put on record what was made under a key of ours, and let go of it.

        Raises:
            OutputError: it cannot be written.
        """
        with atomic_write(self._folder / f"{key}.json") as beside:
            beside.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", "utf-8")
        self._delete_claims(key)

    def release_failed(self, key: str, reason: str) -> None:
        """Let go of a key, and tell those who wait why there is nothing. Whoever comes later may try again."""
        self._release(key, failed=reason)

    def _release(self, key: str, **fields: Any) -> None:
        with self._lock:
            number = self._held.pop(key, 0)
        if number:
            with contextlib.suppress(OSError):
                self._update_claim(key, number, **fields)

    def wait(self) -> None:
        """Wait a moment, before looking again whether others are done."""
        self._closed.wait(min(POLL_SECONDS, self._stale_after_seconds / 4))

    def _has_valid_record(self, key: str, is_valid: Callable[[Mapping[str, Any]], bool]) -> bool:
        record = self.load_record(key)
        return record is not None and is_valid(record)

    def _claim_path(self, key: str, number: int) -> Path:
        return self._folder / f"{key}.{number}.claim"

    def _claim_numbers(self, key: str) -> list[int]:
        found = (path.name.split(".")[-2] for path in self._folder.glob(f"{key}.*.claim"))
        return sorted(int(number) for number in found if number.isdecimal())

    def _latest_claim(self, key: str) -> tuple[int, str]:
        """The number of the claim that holds, and its words; 0 where there is none."""
        numbers = self._claim_numbers(key)
        if not numbers:
            return 0, ""
        try:
            return numbers[-1], self._claim_path(key, numbers[-1]).read_text("utf-8")
        except OSError:
            return numbers[-1], ""

    def _claim_json(self, **fields: Any) -> str:
        return json.dumps({**self._owner, "beat": self._heartbeat_count, **fields})

    def _update_claim(self, key: str, number: int, **fields: Any) -> None:
        path = self._claim_path(key, number)
        beside = path.with_name(f".{path.name}.{self._owner['token']}")
        beside.write_text(self._claim_json(**fields), "utf-8")
        beside.replace(path)

    def _delete_claims(self, key: str) -> None:
        with self._lock:
            mine = self._held.pop(key, 0)
        for number in self._claim_numbers(key):
            if number <= mine:
                self._claim_path(key, number).unlink(missing_ok=True)

    def _heartbeat_loop(self) -> None:
        while not self._closed.wait(self._heartbeat_seconds):
            self._heartbeat_count += 1
            with self._lock:  # a claim that was just let go of must not come back
                for key, number in self._held.items():
                    with contextlib.suppress(OSError):
                        self._update_claim(key, number)


def _parse_claim(content: str) -> dict[str, Any]:
    try:
        told = json.loads(content)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
