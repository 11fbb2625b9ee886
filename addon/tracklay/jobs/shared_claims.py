"""Lease files with a heartbeat: one of many machines makes a take, the others wait for it. Needs a shared folder and no server.

A claim is a file `<key>.<number>.claim`, created with O_EXCL, so only one machine can create each number. Its holder rewrites it
every few seconds with a growing heartbeat count. If the content of the highest-numbered claim stays the same for too long, its holder has
died, and another machine takes over by creating the next number. The result is a record, `<key>.json`, which stays.

Why it holds on network folders (NFS, SMB) without locks:
- Clocks of machines are never compared. Each observer measures with its own monotonic clock how long the content stays the same.
- A takeover deletes and replaces nothing: it creates the next number, and exactly one machine can. A holder that was only suspended
  keeps writing its old claim, which no longer counts.
- Claims are deleted only after the record exists, and only up to the deleter's own number.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from ..atomic_io import atomic_write, output_error
from ..paths import ensure_folder
from ..untrusted_data import clean_json

HEARTBEAT_SECONDS = 5.0
"""Interval between two heartbeats of a held claim."""

STALE_AFTER_SECONDS = 60.0
"""Time without a heartbeat, by the observer's clock, after which a claim may be taken over. Network folders show changes late."""

POLL_SECONDS = 1.0
"""Interval at which a waiting machine checks."""


@dataclass(slots=True)
class _ObservedClaim:
    """Another machine's claim: its number, its content, and when the content last changed by our own clock."""

    number: int
    content: str
    last_changed: float


class SharedClaims:
    """The claims and records in a folder. Use it as a context manager: claims still held at its end are released.

    Args:
        folder_path: the folder.
        heartbeat_seconds: seconds between two heartbeats.
        stale_after_seconds: seconds without a heartbeat after which a claim may be taken over.
        clock: monotonic clock in seconds.
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
        """Create the folder and start the heartbeat.

        Raises:
            OutputError: the folder cannot be created or written.
        """
        ensure_folder(self._folder)
        self._heartbeat_thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Release the claims that are still held, so that others need not wait until they are stale."""
        self._closed.set()
        self._heartbeat_thread.join()
        for key in list(self._held):
            self._release(key, left=True)

    def load_record(self, key: str) -> dict[str, Any] | None:
        """Return the record of a key, or None if there is none or it cannot be read."""
        try:
            record = clean_json(json.loads((self._folder / f"{key}.json").read_text("utf-8")))
        except (OSError, ValueError, RecursionError):
            return None
        return record if isinstance(record, dict) else None

    def acquire(self, key: str, is_valid: Callable[[Mapping[str, Any]], bool] = lambda _: True) -> bool:
        """Claim a key and return whether it is ours now. A key with a valid record needs no claim.

        Args:
            key: the key.
            is_valid: returns whether a record can be used.

        Raises:
            OutputError: the claim cannot be written.
        """
        if self._has_valid_record(key, is_valid):
            return False
        number, content = self._latest_claim(key)
        if number and not self._is_claim_over(key, number, content):
            return False
        try:
            # Exclusive creation decides between machines that try at the same moment.
            with self._claim_path(key, number + 1).open("x", encoding="utf-8") as file:
                file.write(self._claim_json())
        except FileExistsError:
            return False
        except OSError as error:
            raise output_error(error, self._folder) from error
        with self._lock:
            self._held[key] = number + 1
        # Checked again: the holder may have saved its record, and deleted its claims, between our two looks.
        if self._has_valid_record(key, is_valid):
            self._delete_claims(key)
            return False
        return True

    def _is_claim_over(self, key: str, number: int, content: str) -> bool:
        """Return whether the latest claim has ended: released, failed before we observed it, or without a heartbeat for too long."""
        claim, observed = _parse_claim(content), self._observed.get(key)
        if "failed" in claim:
            # Machines that waited for this claim share its failure; one that comes later may try again.
            return observed is None or observed.number != number
        if "left" in claim:
            return True
        if observed is None or (observed.number, observed.content) != (number, content):
            observed = self._observed[key] = _ObservedClaim(number, content, self._clock())
        return self._clock() - observed.last_changed >= self._stale_after_seconds

    def failure_message(self, key: str) -> str:
        """Return why the machine that we waited for failed, or an empty text if it did not fail while we waited."""
        observed = self._observed.get(key)
        number, content = self._latest_claim(key)
        claim = _parse_claim(content)
        if observed is None or observed.number != number or "failed" not in claim:
            return ""
        return f"{claim['machine']} failed: {claim['failed']}"

    def holder_name(self, key: str) -> str:
        """Return the name of the machine that holds a key, or "another machine" if it cannot be read."""
        return str(_parse_claim(self._latest_claim(key)[1]).get("machine", "another machine"))

    def save_record(self, key: str, record: Mapping[str, Any]) -> None:
        """Save the record of a key that we hold, and release the key.

        Raises:
            OutputError: it cannot be written.
        """
        with atomic_write(self._folder / f"{key}.json") as temporary:
            temporary.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", "utf-8")
        self._delete_claims(key)

    def release_failed(self, key: str, reason: str) -> None:
        """Release a key and pass the reason of the failure to the machines that wait. A later machine may try again."""
        self._release(key, failed=reason)

    def _release(self, key: str, **fields: Any) -> None:
        with self._lock:
            number = self._held.pop(key, 0)
        if number:
            with contextlib.suppress(OSError):
                self._update_claim(key, number, **fields)

    def wait(self) -> None:
        """Sleep until the next check of whether other machines have finished."""
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
        """Return number and content of the claim that counts; number 0 if there is none."""
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
        # Replaced by rename: an observer sees the old or the new content, never half of one.
        path = self._claim_path(key, number)
        temporary = path.with_name(f".{path.name}.{self._owner['token']}")
        temporary.write_text(self._claim_json(**fields), "utf-8")
        temporary.replace(path)

    def _delete_claims(self, key: str) -> None:
        with self._lock:
            our_number = self._held.pop(key, 0)
        for number in self._claim_numbers(key):
            # A higher number belongs to a machine that took over from us: it is still working.
            if number <= our_number:
                self._claim_path(key, number).unlink(missing_ok=True)

    def _heartbeat_loop(self) -> None:
        while not self._closed.wait(self._heartbeat_seconds):
            self._heartbeat_count += 1
            with self._lock:  # or a claim that is being released would be written again
                for key, number in self._held.items():
                    with contextlib.suppress(OSError):
                        self._update_claim(key, number)


def _parse_claim(content: str) -> dict[str, Any]:
    try:
        claim = clean_json(json.loads(content))
    except (ValueError, RecursionError):
        return {}
    return claim if isinstance(claim, dict) else {}
