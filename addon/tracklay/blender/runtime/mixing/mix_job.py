"""Runs a mix: reads the scene in slices, listens in a process of its own, and writes the keys in slices.

One job runs at a time. A timer runs it; a script runs it to its end. Undo and another file end it: what it has begun to write is not in
use yet.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, Final

import bpy

from ....errors import Cancelled, InvalidInput, TracklayError
from ....mix.frame_source import KEYS_FILE, PROGRESS_FILE, SOURCES_FILE
from ....worker import WorkerProcess
from ...sequencer import placement
from ...sequencer.mixing.scene_sounds import LATE_BEFORE_VERSION, SceneScan
from ...sequencer.mixing.writing import OWN_SLICE, MixClearer, MixWriter
from ...settings.i18n.translate import translate_error
from ...settings.mix_properties import preset_name, target_lufs, true_peak_db
from ...settings.redraw import redraw_sequencers
from . import mix_status
from .mix_status import LISTENING, READING, SLICE_SECONDS, WRITING

if TYPE_CHECKING:
    from collections.abc import Sequence

PROGRESS_SECONDS: Final = 0.25
"""Seconds between two looks at what the process has done."""

BUSY_SECONDS: Final = 0.01
"""Seconds between two slices: Blender draws between them."""


@dataclass(frozen=True, slots=True)
class MixSettings:
    """Preset, loudness and true peak of a mix, as `plan_frame_mix` takes them."""

    preset: str
    target_lufs: float | None = None
    true_peak_db: float | None = None

    @classmethod
    def of_scene(cls, scene: Any) -> MixSettings:
        """Return the settings of a scene."""
        settings = scene.tracklay_mix
        return cls(preset_name(settings), target_lufs(settings), true_peak_db(settings))


class _Listener(Thread):
    """Waits for the process that listens and plans, so that Blender does not."""

    def __init__(self, folder: Path, lines: Sequence[str], arguments: dict[str, Any]) -> None:
        super().__init__(name="tracklay-mix", daemon=True)
        self._folder, self._lines, self._arguments = folder, lines, arguments
        self._worker: WorkerProcess | None = None
        self._is_cancelled = False
        self.progress = 0.0
        self.lines: list[str] = []
        self.result: dict[str, Any] = {}
        self.error: TracklayError | None = None

    def run(self) -> None:
        watcher = Thread(target=self._watch, name="tracklay-mix-progress", daemon=True)
        try:
            (self._folder / SOURCES_FILE).write_text("\n".join(self._lines), "utf-8")
            self._worker = WorkerProcess("mix.frame_mix:plan_frame_mix", self._arguments)
            if self._is_cancelled:
                self._worker.kill()
            watcher.start()
            self.result = self._worker.result()
            self.lines = (self._folder / KEYS_FILE).read_text("utf-8").splitlines()
        except TracklayError as error:
            self.error = error
        except OSError as error:
            self.error = TracklayError("mix.files", "Could not mix: {reason}.", reason=error)
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _watch(self) -> None:
        while self._folder.exists():
            with contextlib.suppress(OSError, ValueError):
                self.progress = float((self._folder / PROGRESS_FILE).read_text("utf-8"))
            time.sleep(PROGRESS_SECONDS)

    def cancel(self) -> None:
        """End the process."""
        self._is_cancelled = True
        if self._worker is not None:
            self._worker.kill()


class MixJob:
    """The mix of a scene, or the removal of one, from the button to the undo step."""

    def __init__(self, scene: Any, settings: MixSettings | None) -> None:
        """Prepare a job; without settings it clears the mix."""
        self.scene = scene.name
        self.stage = WRITING if settings is None else READING
        self.is_done = False
        self.error: TracklayError | None = None
        self._settings = settings
        self._scan = SceneScan.of_scene(scene)
        self._listener: _Listener | None = None
        self._writer: MixWriter | MixClearer | None = MixClearer(scene) if settings is None else None
        self._is_cancelled = False
        self._steps = self._clear() if settings is None else self._mix()

    @property
    def progress(self) -> float:
        """The part of its stage that is done, from 0 to 1."""
        if self._writer is not None:
            return min(1.0, self._writer.written / max(1, self._writer.total))
        return self._listener.progress if self._listener is not None else 0.0

    def run_slice(self) -> None:
        """Run steps until the slice's time is over, or until there is nothing to do now."""
        end = time.perf_counter() + SLICE_SECONDS
        while not self.is_done and time.perf_counter() < end:
            if not self._step():
                return

    def run_to_end(self) -> None:
        """Run the whole job. Blocks.

        Raises:
            TracklayError: it failed; the scene is as it was.
        """
        try:
            while not self.is_done:
                if not self._step() and self._listener is not None:
                    self._listener.join()
        except KeyboardInterrupt:
            self.cancel()
            raise
        if self.error is not None:
            raise self.error

    def cancel(self) -> None:
        """End the job. The scene stays as it is."""
        self._is_cancelled = True
        if self._listener is not None:
            self._listener.cancel()
        if not self.is_done:
            self._steps.close()
            self._finish(Cancelled("mix.cancelled", "The mix was cancelled."))

    def _step(self) -> bool:
        """Run one step. Return whether another one may follow at once."""
        try:
            return next(self._steps)
        except StopIteration:
            self._finish(None)
        except TracklayError as error:
            self._finish(error)
        return False

    def _finish(self, error: TracklayError | None) -> None:
        self.is_done, self.error = True, error

    def _mix(self) -> Generator[bool]:
        assert self._settings is not None  # noqa: S101 - a job without settings clears
        for _ in self._scan.read():
            yield True
        if not self._scan.lines:
            raise no_sound_error(self.scene)
        folder = Path(tempfile.mkdtemp(prefix="tracklay-mix-"))
        arguments = {
            "folder": str(folder),
            "frames": self._scan.frames,
            "rate": str(self._scan.rate),
            "origin": self._scan.first,
            "is_late": bpy.app.version < LATE_BEFORE_VERSION,
            "preset": self._settings.preset,
            "target_lufs": self._settings.target_lufs,
            "true_peak_db": self._settings.true_peak_db,
        }
        self.stage, self._listener = LISTENING, _Listener(folder, self._scan.lines, arguments)
        self._listener.start()
        while self._listener.is_alive():
            yield False
        if self._listener.error is not None:
            raise self._listener.error
        self.stage = WRITING
        self._writer = MixWriter(self._scan, self._listener.lines, self._listener.result)
        for before in self._writer.steps():
            yield before is not OWN_SLICE
        yield False  # Blender's undo step has a slice of its own
        self._push_undo("Mix")

    def _clear(self) -> Generator[bool]:
        assert self._writer is not None  # noqa: S101 - made with the job
        for before in self._writer.steps():
            yield before is not OWN_SLICE
        yield False
        self._push_undo("Clear Mix")

    def _push_undo(self, name: str) -> None:
        if (scene := bpy.data.scenes.get(self.scene)) is not None:
            placement.push_undo(scene, name)


def no_sound_error(scene: str) -> InvalidInput:
    """Return the error for a scene in which nothing can be mixed."""
    return InvalidInput("mix.no_sound_in_scene", "There is no sound to mix in the frame range of {scene}.", scene=scene)


_running: list[MixJob] = []


def start_job(job: MixJob) -> None:
    """Run a job by the timer, in place of one that runs. `mix_status` has what it does, and why it failed."""
    mix_status.stop_job()
    mix_status.error_text, mix_status.stage, mix_status.progress = "", job.stage, 0.0
    mix_status.cancel = _cancel
    _running.append(job)
    bpy.app.timers.register(_on_timer, first_interval=0.0, persistent=True)


def _cancel() -> None:
    _running[0].cancel()
    _end()


def _on_timer() -> float | None:
    if not _running:
        return None
    job = _running[0]
    job.run_slice()
    if job.is_done:
        _end()
        return None
    if (job.stage, round(job.progress, 2)) != (mix_status.stage, round(mix_status.progress, 2)):
        mix_status.stage, mix_status.progress = job.stage, job.progress
        redraw_sequencers()
    return PROGRESS_SECONDS / 2 if job.stage == LISTENING else BUSY_SECONDS


def _end() -> None:
    job = _running.pop()
    mix_status.stage, mix_status.cancel = "", None
    if job.error is not None and not isinstance(job.error, Cancelled):
        mix_status.error_text = translate_error(job.error)
    redraw_sequencers()
