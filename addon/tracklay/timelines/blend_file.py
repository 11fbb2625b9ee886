"""A Blender file as a timeline: each visible strip is a cue, and takes are laid in a copy of the file.

Blender runs as a separate process (`blender/headless.py`), once to list the cues and once to lay takes. Nothing here imports bpy.
"""

from __future__ import annotations

import contextlib
import importlib.util
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import settings
from ..cue import Failure
from ..errors import InvalidInput, MediaError, ModelFailed, TracklayError
from ..jobs.job_spec import JobSpec
from ..jobs.pictures.stored_cue import cue_to_dict
from ..media.probe import check_file
from ..processes import find_program
from ..timing import Rate, parse_time
from ..worker import WorkerProcess
from .base import Timeline

if TYPE_CHECKING:
    from ..cancellation import CancelToken
    from ..cue import Cue, EditorRender, Take

BLENDER_VARIABLE = "TRACKLAY_BLENDER"
"""The variable with the path of a Blender program. It is preferred to the bpy module, and that to a `blender` on PATH."""

BACKGROUND_ARGS = ("--background", "--factory-startup", "--python-exit-code", "1", "--python-expr")
"""Blender's options: without the user's settings and add-ons, so that a file is read the same on every machine."""


def find_blender_command() -> tuple[str, ...]:
    """Return the command line that runs Python code in Blender, up to that code; empty if this Python has the bpy module.

    Raises:
        InvalidInput: there is no Blender.
    """
    if named := settings.current().blender:
        if found := find_program(str(Path(named).expanduser())):
            return (found, *BACKGROUND_ARGS)
        raise InvalidInput(
            "blend.not_executable",
            "{variable} is not an executable: {program}. Set it to a Blender program, 4.5 or later.",
            variable=BLENDER_VARIABLE,
            program=named,
        )
    if importlib.util.find_spec("bpy"):
        return ()
    if found := find_program("blender"):
        return (found, *BACKGROUND_ARGS)
    # bpy wheels exist for one version of Python only: for any other, installing the module is no advice.
    if sys.version_info[:2] == (3, 11):
        raise InvalidInput(
            "blend.no_blender_or_module",
            "No Blender to open a .blend file with. Put blender on PATH, set {variable} to it, or install the bpy module.",
            variable=BLENDER_VARIABLE,
        )
    raise InvalidInput(
        "blend.no_blender",
        "No Blender to open a .blend file with. Put blender on PATH, or set {variable} to it.",
        variable=BLENDER_VARIABLE,
    )


class BlendFile(Timeline):
    """A Blender file. Blender reads it the first time its cues or its rate are needed."""

    __slots__ = ("_rate", "path")

    def __init__(self, path: Path) -> None:
        self.path = path
        self._rate: Rate | None = None

    @classmethod
    def open(cls, path: Path) -> BlendFile:
        """Check that the file and a Blender exist, and return the timeline.

        Raises:
            InvalidInput: one of them does not.
        """
        check_file(path)
        find_blender_command()
        return cls(path)

    @property
    def stem(self) -> str:
        """The file's name without suffix."""
        return self.path.stem

    @property
    def rate(self) -> Rate:
        """The frame rate of the scene that Blender shows when it opens the file."""
        if self._rate is None:
            self._rate = Rate.from_value(self._call_blender("read_rate")["rate"])
        return self._rate

    def cues(
        self, in_point: str | None = None, out_point: str | None = None, *, only: Sequence[str] = (), **cue_fields: Any
    ) -> list[Cue]:
        """Return a cue for each strip that is visible in the scene's range, or is in `only`. Its id is the strip's name.

        With points, which count from the timeline's frame 0, only the parts of strips between them.
        """
        return self._spot(only, in_point, out_point, cue_fields, as_one=False)

    def joined_cue(
        self, in_point: str | None = None, out_point: str | None = None, *, only: Sequence[str] = (), **cue_fields: Any
    ) -> Cue:
        """Return one cue over all that plays between two points, as Blender shows it; without them, from its first to its last strip."""
        (cue,) = self._spot(only, in_point, out_point, cue_fields, as_one=True)
        is_whole = in_point is None and out_point is None and not only
        return replace(cue, id=self._joined_cue_id(cue.span, is_whole=is_whole))

    def _spot(
        self,
        only: Sequence[str],
        in_point: str | None,
        out_point: str | None,
        cue_fields: Mapping[str, Any],
        *,
        as_one: bool,
    ) -> list[Cue]:
        reply = self._call_blender("spot_film", only=list(only), in_point=in_point, out_point=out_point, as_one=as_one)
        self._rate = Rate.from_value(reply["rate"])
        cues = [JobSpec.cue_from_dict({"cue": {**each["cue"], **cue_fields}}) for each in reply["cues"]]
        return [
            replace(
                cue,
                picture=replace(cue.picture, error=each["error"], render=_with_local_blender(cue.picture.render)),
            )
            for cue, each in zip(cues, reply["cues"], strict=True)
        ]

    def frame_of_time(self, text: str) -> int:
        """Return the frame of a time, which counts from the timeline's frame 0."""
        return parse_time(text, self.rate)

    def find_playback_faults(self) -> list[tuple[str, str]]:
        """Return each strip that Blender plays at another time or volume than the timeline says, with a sentence about it.

        Raises:
            InvalidInput: the file cannot be opened.
            MediaError: Blender ended without a result.
        """
        return [(strip, detail) for strip, detail in self._call_blender("find_faults")["faults"]]

    def read_turnover(self) -> dict[str, Any]:
        """Return the session of its sounds, as `TurnoverSession.to_dict`. Errors as of `find_playback_faults`."""
        session: dict[str, Any] = self._call_blender("read_turnover")
        return session

    def laid_path(self, folder: Path) -> Path:
        """Return the path of the copy with takes."""
        return folder / f"{self.output_stem(folder)}.tracklay.blend"

    def _write(
        self,
        takes: Sequence[Take],
        failed: Sequence[Failure],  # noqa: ARG002 - the manifest lists them
        target: Path,
        *,
        drop_original: bool,
        cancel_token: CancelToken | None,
    ) -> list[Failure]:
        """Lay all takes as Blender's window does, each cue's first one audible; return those that could not be laid."""
        takes_data = [
            {"cue": cue_to_dict(take.cue), "entry": take.to_manifest_entry(), "folder": str(take.file.parent)}
            for take in takes
        ]
        reply = self._call_blender(
            "lay_takes", cancel_token, to=str(target.absolute()), takes=takes_data, drop_original=drop_original
        )
        self._rate = Rate.from_value(reply["rate"])
        cues = {take.cue.id: take.cue for take in takes}
        not_laid = [
            Failure(cues[cue], TracklayError("blend.take_not_laid", "Take was not laid: {reason}", reason=reason))
            for cue, reason in reply["failed"].items()
        ]
        # Blender writes no copy in this case: it is a failure of the whole run.
        if not reply["laid"]:
            raise not_laid[0].error
        return not_laid

    def mix(
        self,
        to: Path,
        sound: Path,
        preset: str,
        target_lufs: float | None,
        true_peak_db: float | None,
        kinds: Mapping[str, str],
    ) -> dict[str, Any]:
        """Mix the sounds by volume keys in a copy of the file, and write Blender's mixdown: `blender.headless.mix_film`.

        Raises:
            InvalidInput: there is nothing to mix, or a name is unknown.
            MediaError: Blender ended without a result.
            OutputError: the copy cannot be written.
        """
        reply: dict[str, Any] = self._call_blender(
            "mix_film",
            to=str(to),
            sound=str(sound),
            preset=preset,
            target_lufs=target_lufs,
            true_peak_db=true_peak_db,
            kinds=dict(kinds),
        )
        self._rate = Rate.from_value(reply["rate"])
        return reply

    def _call_blender(self, function: str, cancel_token: CancelToken | None = None, **arguments: Any) -> Any:
        """Call a function of `blender/headless.py` on the file, in a Blender process, and return its result.

        Raises:
            InvalidInput: the file cannot be opened, or a strip or a time in `arguments` is not in it.
            MediaError: Blender ended without a result.
            Cancelled: `cancel_token` was cancelled.
        """
        # The target is a string: an import of blender.headless would import bpy. tests/timelines/test_worker_targets.py holds it.
        worker = WorkerProcess(
            f"blender.headless:{function}", {"path": str(self.path.absolute()), **arguments}, find_blender_command()
        )
        try:
            with contextlib.nullcontext() if cancel_token is None else cancel_token.on_cancel(worker.kill):
                return worker.result()
        except ModelFailed as error:
            if cancel_token is not None:
                cancel_token.raise_if_cancelled()  # it ended because the token killed it
            raise MediaError(
                "blend.blender_failed", "Blender cannot process {path}: {error}", path=self.path, error=error
            ) from error
        except BaseException:
            worker.kill()
            raise


def _with_local_blender(render: EditorRender | None) -> EditorRender | None:
    """Return a render request with the path of Blender on this machine.

    Blender fills in its own path, which is another one if it runs in a container.
    """
    command = find_blender_command()
    return replace(render, program=(command[0], *render.program[1:])) if render and command else render
