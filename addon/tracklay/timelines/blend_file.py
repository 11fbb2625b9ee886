"""A Blender file as a timeline: its cues are the strips that are seen in it, its takes are laid in a copy of it.

Blender is a process of its own, and is asked twice: to spot the film, and to lay takes in it as its window would. Nothing here imports bpy.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..cue import Failure
from ..errors import InvalidInput, MediaError, ModelFailed, TracklayError
from ..jobs.job_spec import JobSpec, cue_to_dict
from ..timing import Rate
from ..worker import WorkerProcess
from .base import Timeline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..cue import Cue, EditorRender, Take
    from ..media.ffmpeg import CancelToken

BLENDER_VARIABLE = "TRACKLAY_BLENDER"
"""The variable that names a Blender program. It stands before the bpy module, and that before a `blender` on PATH."""

BACKGROUND_ARGS = ("--background", "--factory-startup", "--python-exit-code", "1", "--python-expr")
"""How Blender is started: with nobody's own settings and add-ons, so that a film is read the same on every machine."""


def find_blender_command() -> tuple[str, ...]:
    """What opens Blender's files: a program's command line up to the Python code, empty where this Python has bpy itself.

    Raises:
        BadInput: there is none.
    """
    if named := os.environ.get(BLENDER_VARIABLE):
        if found := shutil.which(Path(named).expanduser()):
            return (found, *BACKGROUND_ARGS)
        raise InvalidInput(f"{BLENDER_VARIABLE} names {named}, which is no program: name Blender's own, 4.5 or later")
    if importlib.util.find_spec("bpy"):
        return ()
    if found := shutil.which("blender"):
        return (found, *BACKGROUND_ARGS)
    version = ".".join(map(str, sys.version_info[:2]))
    module = "install the bpy module beside Tracklay, " if sys.version_info[:2] == (3, 11) else ""
    raise InvalidInput(
        f"a .blend is opened by Blender, and there is none for this Python {version}: {module}put blender on PATH, "
        f"or name it in {BLENDER_VARIABLE}"
    )


class BlendFile(Timeline):
    """A Blender file that is there. Blender reads it when its cues or its rate are asked for, and not before."""

    __slots__ = ("_rate", "path")

    def __init__(self, path: Path) -> None:
        self.path = path
        self._rate: Rate | None = None

    @classmethod
    def open(cls, path: Path) -> BlendFile:
        """The film at a path, when there is something that can read it.

        Raises:
            BadInput: there is no such file, or no Blender.
        """
        if not path.is_file():
            raise InvalidInput(f"{path} does not exist: check its name")
        find_blender_command()
        return cls(path)

    @property
    def stem(self) -> str:
        """What the names of files made of it begin with."""
        return self.path.stem

    @property
    def rate(self) -> Rate:
        """The rate of the scene that Blender shows of it."""
        if self._rate is None:
            self._rate = Rate.from_value(self._call_blender("read_rate")["rate"])
        return self._rate

    def cues(
        self, in_point: str | None = None, out_point: str | None = None, *, only: Sequence[str] = (), **cue_fields: Any
    ) -> list[Cue]:
        """A cue for each strip that is seen in the scene's range, or is named, called as its strip.

        With a point, the parts of the strips between the points, which count from the timeline's frame 0.
        """
        told = self._call_blender("spot_film", only=list(only), in_point=in_point, out_point=out_point)
        self._rate = Rate.from_value(told["rate"])
        cues = [JobSpec.cue_from_dict({"cue": {**each["cue"], **cue_fields}}) for each in told["cues"]]
        return [
            replace(
                cue,
                picture=replace(cue.picture, error=each["error"], render=_with_local_blender(cue.picture.render)),
            )
            for cue, each in zip(cues, told["cues"], strict=True)
        ]

    def laid_path(self, folder: Path) -> Path:
        """The copy of the film that a run writes."""
        return folder / f"{self.stem}.tracklay.blend"

    def _write(
        self,
        takes: Sequence[Take],
        failed: Sequence[Failure],  # noqa: ARG002 - what failed is told by the manifest
        target: Path,
        *,
        drop_original: bool,
        cancel_token: CancelToken | None,
    ) -> list[Failure]:
        """Lay every take as the window does, each cue's first one heard; those that could not be, while the others are."""
        plain = [
            {"cue": cue_to_dict(take.cue), "entry": take.to_manifest_entry(), "folder": str(take.file.parent)}
            for take in takes
        ]
        told = self._call_blender(
            "lay_takes", cancel_token, to=str(target.absolute()), takes=plain, drop_original=drop_original
        )
        self._rate = Rate.from_value(told["rate"])
        cues = {take.cue.id: take.cue for take in takes}
        not_laid = [Failure(cues[cue], TracklayError(said)) for cue, said in told["failed"].items()]
        if not told["laid"]:
            raise not_laid[0].error
        return not_laid

    def _call_blender(self, function: str, cancel_token: CancelToken | None = None, **arguments: Any) -> Any:
        """Have Blender do something with the film.

        Raises:
            BadInput: it cannot be opened, or what is asked for is not in it.
            MediaError: Blender came to its end.
        """
        worker = WorkerProcess(
            f"blender.headless:{function}", {"path": str(self.path.absolute()), **arguments}, find_blender_command()
        )
        try:
            with contextlib.nullcontext() if cancel_token is None else cancel_token.on_cancel(worker.kill):
                return worker.result()
        except ModelFailed as error:
            raise MediaError(f"Blender could not {function} {self.path}: {str(error).partition(': ')[2]}") from error
        except BaseException:
            worker.kill()
            raise


def _with_local_blender(render: EditorRender | None) -> EditorRender | None:
    """How a picture is rendered, by the Blender that was called: one in a container knows itself under a path of its own."""
    command = find_blender_command()
    return replace(render, program=(command[0], *render.program[1:])) if render and command else render
