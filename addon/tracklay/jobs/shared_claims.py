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

from ..paths import folder, trouble, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

BEAT_SECONDS = 5.0
"""Between two beats of a claim that is held."""

STALE_SECONDS = 60.0
"""A claim whose beat rests as long, seen by the clock of whoever waits, is a dead machine's: network folders show changes late."""

LOOK_SECONDS = 1.0
"""Between two looks of whoever waits."""


@dataclass(slots=True)
class _Seen:
    """Another's claim, its words when they last changed, and when that was by our own clock."""

    number: int
    words: str
    since: float


class Claims:
    """The claims and records in a folder, for as long as a `with` lasts; what is still held at its end is let go.

    Args:
        place: the folder.
        beat: seconds between two beats.
        stale: seconds after which a resting claim may be taken over.
        clock: tells seconds that only ever rise.
    """

    def __init__(
        self,
        place: Path,
        beat: float = BEAT_SECONDS,
        stale: float = STALE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._place, self._beat, self._stale, self._clock = place, beat, stale, clock
        self._owner = {"machine": socket.gethostname(), "process": os.getpid(), "token": secrets.token_hex(8)}
        self._held: dict[str, int] = {}
        self._seen: dict[str, _Seen] = {}
        self._beats = 0
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._heart = threading.Thread(target=self._beating, name="tracklay-claims", daemon=True)

    def __enter__(self) -> Self:
        """Begin.

        Raises:
            OutputError: the folder cannot be made or written to.
        """
        folder(self._place)
        self._heart.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Let go of what is still held, so that others need not wait until it is stale."""
        self._over.set()
        self._heart.join()
        for key in list(self._held):
            self._give_up(key, left=True)

    def record(self, key: str) -> dict[str, Any] | None:
        """What was made under a key; None where there is nothing, or nothing that can be read."""
        try:
            told = json.loads((self._place / f"{key}.json").read_text("utf-8"))
        except (OSError, ValueError):
            return None
        return told if isinstance(told, dict) else None

    def take(self, key: str, good: Callable[[Mapping[str, Any]], bool] = lambda _: True) -> bool:
        """Claim a key, if nobody holds it; whether it is ours now. There is nothing to do where there is a `good` record.

        Raises:
            OutputError: the claim cannot be written.
        """
        if self._made(key, good):
            return False
        number, words = self._highest(key)
        if number and not self._may_follow(key, number, words):
            return False
        try:
            with self._path(key, number + 1).open("x", encoding="utf-8") as file:
                file.write(self._words())
        except FileExistsError:
            return False
        except OSError as error:
            raise trouble(error, self._place) from error
        with self._lock:
            self._held[key] = number + 1
        if self._made(key, good):  # it came to be while we looked
            self._let_go(key)
            return False
        return True

    def _may_follow(self, key: str, number: int, words: str) -> bool:
        """Whether the claim that holds is over: let go of, failed before we came, or resting for too long."""
        told, seen = _told(words), self._seen.get(key)
        if "failed" in told:
            return seen is None or seen.number != number
        if "left" in told:
            return True
        if seen is None or (seen.number, seen.words) != (number, words):
            seen = self._seen[key] = _Seen(number, words, self._clock())
        return self._clock() - seen.since >= self._stale

    def failed(self, key: str) -> str:
        """Why the machine that we waited for made nothing, in words; empty where it did not fail, or not while we waited."""
        seen = self._seen.get(key)
        number, words = self._highest(key)
        told = _told(words)
        if seen is None or seen.number != number or "failed" not in told:
            return ""
        return f"{told['machine']} could not make it: {told['failed']}"

    def holder(self, key: str) -> str:
        """The machine that holds a key, as far as can be read."""
        return str(_told(self._highest(key)[1]).get("machine", "another machine"))

    def keep(self, key: str, record: Mapping[str, Any]) -> None:
        """Put on record what was made under a key of ours, and let go of it.

        Raises:
            OutputError: it cannot be written.
        """
        with whole(self._place / f"{key}.json") as beside:
            beside.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", "utf-8")
        self._let_go(key)

    def give_up(self, key: str, why: str) -> None:
        """Let go of a key, and tell those who wait why there is nothing. Whoever comes later may try again."""
        self._give_up(key, failed=why)

    def _give_up(self, key: str, **words: Any) -> None:
        with self._lock:
            number = self._held.pop(key, 0)
        if number:
            with contextlib.suppress(OSError):
                self._write(key, number, **words)

    def rest(self) -> None:
        """Wait a moment, before looking again whether others are done."""
        self._over.wait(min(LOOK_SECONDS, self._stale / 4))

    def _made(self, key: str, good: Callable[[Mapping[str, Any]], bool]) -> bool:
        record = self.record(key)
        return record is not None and good(record)

    def _path(self, key: str, number: int) -> Path:
        return self._place / f"{key}.{number}.claim"

    def _numbers(self, key: str) -> list[int]:
        found = (path.name.split(".")[-2] for path in self._place.glob(f"{key}.*.claim"))
        return sorted(int(number) for number in found if number.isdecimal())

    def _highest(self, key: str) -> tuple[int, str]:
        """The number of the claim that holds, and its words; 0 where there is none."""
        numbers = self._numbers(key)
        if not numbers:
            return 0, ""
        try:
            return numbers[-1], self._path(key, numbers[-1]).read_text("utf-8")
        except OSError:
            return numbers[-1], ""

    def _words(self, **more: Any) -> str:
        return json.dumps({**self._owner, "beat": self._beats, **more})

    def _write(self, key: str, number: int, **more: Any) -> None:
        path = self._path(key, number)
        beside = path.with_name(f".{path.name}.{self._owner['token']}")
        beside.write_text(self._words(**more), "utf-8")
        beside.replace(path)

    def _let_go(self, key: str) -> None:
        with self._lock:
            mine = self._held.pop(key, 0)
        for number in self._numbers(key):
            if number <= mine:
                self._path(key, number).unlink(missing_ok=True)

    def _beating(self) -> None:
        while not self._over.wait(self._beat):
            self._beats += 1
            with self._lock:  # a claim that was just let go of must not come back
                for key, number in self._held.items():
                    with contextlib.suppress(OSError):
                        self._write(key, number)


def _told(words: str) -> dict[str, Any]:
    try:
        told = json.loads(words)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
