"""The only way to call ffmpeg: commands built with ffmpeg-python, run in a process group of their own, never through a shell.

Runs and kills it, and turns its log into errors. `ffmpeg_program` finds it.
"""

from __future__ import annotations

import contextlib
import math
import re
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ..cancellation import CancelToken
from ..errors import MediaError, OutputError
from ..processes import kill_process_group, start_process
from .ffmpeg_program import find_ffmpeg
from .input_formats import (
    CONTENTLESS_IMAGE_SUFFIXES,
    IMAGE_FORMATS,
    MEDIA_FORMATS,
    PATTERN_IMAGE_SUFFIXES,
    input_options,
)

STDERR_LINES = 400
"""Lines of ffmpeg's log that are kept: the description of the input comes first, the reason of a failure last."""

MAX_LINE_CHARS = 2000
"""Characters of a line of ffmpeg's log that are kept: a file's metadata may have any length, and our patterns are not all linear."""

MAX_LOG_LINES = 20_000
"""Lines that describe an input and are kept: a file may have any number of chapters."""

QUIET_FLAGS = ("-hide_banner", "-nostdin", "-loglevel", "error")
INFO_FLAGS = ("-hide_banner", "-nostdin", "-loglevel", "info", "-nostats")

READ_TIMEOUT_SECONDS = 60.0
"""Seconds that one read from ffmpeg may take: on a network share that is gone, a read never returns."""

PIPE_CHUNK_BYTES = 1 << 16
"""Bytes read from ffmpeg at a time where the output is text or unused."""


_LOG_PREFIX = re.compile(r"^(\[[^\]]* @ 0x[0-9a-f]+\] *)+")
_EMPTY_LINE = re.compile(
    r"Last message repeated|Conversion failed|Exiting|Consider increasing|Nothing was written|Press \[q\]|frame=|size="
    r"|Task finished with|Terminating thread|Error (re)?initializing|Error while (processing|opening encoder)"
    r"|Error opening (in|out)put file|Could not write header|Input #|Output #|Stream |Duration:|Metadata:|#|Skipping",
    re.IGNORECASE,
)
"""Lines that say nothing about the reason of a failure, or describe files."""

_REASONS = tuple(
    re.compile(words, re.IGNORECASE)
    for words in (
        r"decoder .*not found|could not find codec parameters|impossible to convert|no decoder",
        r"not (yet |currently )?(supported|implemented)|unsupported",
        r"invalid|could not|cannot|unable|fail|not found|no such|missing|corrupt|error|unknown",
    )
)
"""Words of lines that give a reason, those that give it best first."""


class StreamNotFound(MediaError):
    """The file has no stream of the requested kind."""


def input_stream(path: Path, *, formats: list[str] | None = None, **options: Any) -> Any:
    """Return an ffmpeg-python input of a file. `file:` allows any name: with colons, percent signs, a leading dash.

    Args:
        path: the file.
        formats: ffmpeg's names of the formats that it may have; by default those of media and images. A playlist is none of them.
        options: ffmpeg's options for the input.
    """
    import ffmpeg  # noqa: PLC0415 - slow to import, and not needed to register an add-on

    allowed = [*MEDIA_FORMATS, *IMAGE_FORMATS] if formats is None else formats
    suffix = path.suffix.lower()
    if formats is None and (
        suffix in CONTENTLESS_IMAGE_SUFFIXES or ("%" in path.name and suffix in PATTERN_IMAGE_SUFFIXES)
    ):
        # As one file: in a name with `%d` ffmpeg would see a pattern, and read other files.
        allowed, options = ["image2"], {"format": "image2", "pattern_type": "none", **options}
    return ffmpeg.input(f"file:{path.absolute()}", **input_options(allowed), **options)


def output_url(path: Path) -> str:
    """Return a path as ffmpeg takes it for output."""
    return f"file:{path.absolute()}"


class FfmpegProcess:
    """A running ffmpeg. `popen` has its pipes, `stderr_tail` the last lines of its log."""

    def __init__(
        self,
        stream: Any,
        log_flags: tuple[str, ...],
        *,
        stdout: Any = subprocess.DEVNULL,
        stdin: Any = None,
        on_stderr_line: Callable[[str | None], bool] | None = None,
    ) -> None:
        """Start ffmpeg.

        Args:
            stream: an ffmpeg-python output.
            log_flags: `QUIET_FLAGS` or `INFO_FLAGS`.
            stdout: as `subprocess.Popen` takes it.
            stdin: as `subprocess.Popen` takes it.
            on_stderr_line: called on another thread with each line of the log, and with None at its end. A line for which it
                returns True is left out of `stderr_tail`.

        Raises:
            MediaError: there is no ffmpeg, or it cannot be started.
        """
        import ffmpeg  # noqa: PLC0415

        command: list[str] = ffmpeg.compile(stream.global_args(*log_flags), cmd=find_ffmpeg(), overwrite_output=True)
        self.stderr_tail: deque[str] = deque(maxlen=STDERR_LINES)
        self._on_stderr_line = on_stderr_line or (lambda _: False)
        try:
            self.popen = start_process(
                command, stdin=stdin or subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE
            )
        except OSError as error:
            raise MediaError(
                "ffmpeg.cannot_start",
                "Could not start {program}: {reason}.",
                program=command[0],
                reason=error.strerror or str(error),
            ) from error
        # A thread: a full stderr pipe would block ffmpeg while its stdout is read.
        self._stderr_thread = threading.Thread(target=self._read_stderr, daemon=True, name="ffmpeg-stderr")
        self._stderr_thread.start()

    def _read_stderr(self) -> None:
        assert self.popen.stderr is not None  # noqa: S101 - made with a pipe above
        with self.popen.stderr as stderr:
            for raw in stderr:
                line = raw[:MAX_LINE_CHARS].decode("utf-8", "replace").rstrip()
                if not self._on_stderr_line(line):
                    self.stderr_tail.append(line)
        self._on_stderr_line(None)

    def kill(self) -> None:
        """Kill ffmpeg and its children."""
        kill_process_group(self.popen)

    def wait(self) -> int:
        """Wait for the exit; return the status."""
        if self.popen.stdout:
            self.popen.stdout.close()  # a reader that stopped early left it open
        status = self.popen.wait()
        self._stderr_thread.join()
        return status


class OutputPipe:
    """The stdout of an ffmpeg, read with a time limit.

    `timed_out` is True if a read took longer than the limit; ffmpeg was killed then. `reached_end` is True once all was read.
    """

    def __init__(self, process: FfmpegProcess, timeout_seconds: float) -> None:
        self._process, self._timeout_seconds = process, timeout_seconds
        self._waiting_since: float | None = None
        self._closed = threading.Event()
        self.reached_end = False
        self.timed_out = False
        if math.isfinite(timeout_seconds):
            threading.Thread(target=self._watch_timeout, daemon=True, name="ffmpeg-timeout").start()

    @contextlib.contextmanager
    def timed_wait(self) -> Iterator[None]:
        """Count the block's time as time waited for ffmpeg."""
        self._waiting_since = time.monotonic()
        try:
            yield
        finally:
            self._waiting_since = None

    def read(self, size: int) -> bytes:
        """Return the next `size` bytes, fewer at the end."""
        assert self._process.popen.stdout is not None  # noqa: S101 - a pipe has one
        with self.timed_wait():
            chunk: bytes = self._process.popen.stdout.read(size)
        self.reached_end = self.reached_end or len(chunk) < size
        return chunk

    def close(self) -> None:
        """Stop watching the time."""
        self._closed.set()

    def _watch_timeout(self) -> None:
        # A blocking read of a pipe cannot be given a time limit on all platforms: killing the writer ends it.
        while not self._closed.wait(self._timeout_seconds / 4):
            since = self._waiting_since
            if since is not None and time.monotonic() - since > self._timeout_seconds:
                self.timed_out = True
                self._process.kill()
                return


def run_ffmpeg(stream: Any, error_prefix: str, *, cancel_token: CancelToken | None = None) -> None:
    """Run ffmpeg to its end. `error_prefix` begins an error's message: `Could not extract clip.mp4`.

    Raises:
        MediaError: ffmpeg failed.
        OutputError: no space or no permission to write.
        Cancelled: the token was cancelled.
    """
    for _ in read_stdout(stream, error_prefix, PIPE_CHUNK_BYTES, cancel_token=cancel_token, timeout_seconds=math.inf):
        pass


@contextlib.contextmanager
def open_stdout(
    stream: Any,
    error_prefix: str,
    *,
    cancel_token: CancelToken | None = None,
    log_flags: tuple[str, ...] = QUIET_FLAGS,
    on_stderr_line: Callable[[str | None], bool] | None = None,
    timeout_seconds: float = READ_TIMEOUT_SECONDS,
) -> Iterator[OutputPipe]:
    """Run ffmpeg and yield its stdout.

    Leaving the block before the end of the output kills ffmpeg. `timeout_seconds` limits each read.
    Raises as `run_ffmpeg` does, when the block is left after the end.
    """
    process = FfmpegProcess(stream, log_flags, stdout=subprocess.PIPE, on_stderr_line=on_stderr_line)
    pipe = OutputPipe(process, timeout_seconds)
    try:
        with (cancel_token or CancelToken()).on_cancel(process.kill):
            yield pipe
    finally:
        pipe.close()
        if not pipe.reached_end:
            process.kill()
        status = process.wait()
    if pipe.timed_out:
        raise MediaError(
            "ffmpeg.stalled",
            "{action}: no output from ffmpeg for {seconds} s. Check that the drive or network is available.",
            action=error_prefix,
            seconds=round(timeout_seconds),
        )
    # Without the end, the status is that of our own kill.
    if status and pipe.reached_end:
        raise error_from_stderr(process.stderr_tail, error_prefix)


def read_stdout(
    stream: Any,
    error_prefix: str,
    chunk_bytes: int,
    *,
    cancel_token: CancelToken | None = None,
    stderr_lines: deque[str] | None = None,
    timeout_seconds: float = READ_TIMEOUT_SECONDS,
) -> Iterator[bytes]:
    """Yield ffmpeg's stdout as it comes, in chunks of `chunk_bytes` bytes; the last may be shorter.

    Closing the iterator early kills ffmpeg. With `stderr_lines`, ffmpeg describes its input, and its log is put there.
    Raises as `run_ffmpeg` does, after the last chunk.
    """

    def collect_line(line: str | None) -> bool:
        if stderr_lines is not None and line is not None and len(stderr_lines) < MAX_LOG_LINES:
            stderr_lines.append(line)
        return False

    with open_stdout(
        stream,
        error_prefix,
        cancel_token=cancel_token,
        log_flags=QUIET_FLAGS if stderr_lines is None else INFO_FLAGS,
        on_stderr_line=collect_line,
        timeout_seconds=timeout_seconds,
    ) as pipe:
        while chunk := pipe.read(chunk_bytes):
            yield chunk


def capture_stdout(
    stream: Any, error_prefix: str, *, cancel_token: CancelToken | None = None
) -> tuple[str, tuple[str, ...]]:
    """Return ffmpeg's stdout as text, and the lines of its log, which describe the input. Raises as `run_ffmpeg` does."""
    lines: deque[str] = deque()
    chunks = read_stdout(stream, error_prefix, PIPE_CHUNK_BYTES, cancel_token=cancel_token, stderr_lines=lines)
    return b"".join(chunks).decode("ascii", "replace"), tuple(lines)


def error_from_stderr(stderr_lines: Iterable[str], error_prefix: str) -> MediaError | OutputError:
    """Return the error for the log of an ffmpeg that failed. An unknown reason is quoted from the line that says most."""
    lines = [line for line in stderr_lines if line.strip()]
    text = "\n".join(lines)
    if "No space left on device" in text:
        return OutputError("ffmpeg.disk_full", "{action}: no space left on the disk.", action=error_prefix)
    if "Permission denied" in text or "Read-only file system" in text:
        return OutputError("ffmpeg.permission_denied", "{action}: permission denied.", action=error_prefix)
    if "not on whitelist" in text:
        return MediaError(
            "ffmpeg.format_not_allowed",
            "{action}: it is no media file but text, a playlist or a list of other files. Use the media file itself.",
            action=error_prefix,
        )
    if "Invalid data found when processing input" in text or "moov atom not found" in text:
        return MediaError(
            "ffmpeg.invalid_data", "{action}: the file is damaged or not a media file.", action=error_prefix
        )
    if "matches no streams" in text or "does not contain any stream" in text:
        return StreamNotFound("ffmpeg.no_such_stream", "{action}: the file has no such stream.", action=error_prefix)
    return MediaError(
        "ffmpeg.failed", "{action}: ffmpeg reports: {reason}.", action=error_prefix, reason=_reason_line(lines)
    )


def _reason_line(lines: Sequence[str]) -> str:
    """Return the line of a log that gives the reason of a failure. The last lines only say that ffmpeg gave up."""
    reasons = [line for line in (_LOG_PREFIX.sub("", line).strip().rstrip(".") for line in lines) if line]
    reasons = [line for line in reasons if not _EMPTY_LINE.match(line)]
    for pattern in _REASONS:
        if found := next((line for line in reasons if pattern.search(line)), None):
            return found
    return reasons[-1] if reasons else "no message"
