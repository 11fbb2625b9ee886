"""Renders a film that must not be silent: what lacks a take gets one first, then Blender renders with the sound in.

    blender -b film.blend --python scripts/render_with_sound.py -- [options] -a
    python scripts/render_with_sound.py film.blend [options] -a            (with the bpy module)

Exit status: 0 rendered (with `--on-failure warn` also where a cue failed, which is told); 1 something failed; 2 bad usage or film.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parents[1]
DONE, FAILED, BAD_INPUT = 0, 1, 2
MODULES = ("errors", "blender.render.scene_audio", "blender.render.handlers", "blender.render.mixdown")


def tell(words: str) -> None:
    """Say something where a farm's log shows it."""
    print(f"tracklay: {' '.join(words.split())}", file=sys.stderr, flush=True)


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, as the command does."""

    def error(self, message: str) -> Any:
        tell(f"{message} (see --help)")
        sys.exit(BAD_INPUT)


def options(arguments: Sequence[str]) -> argparse.Namespace:
    """What was asked for: all after `--` inside Blender."""
    parser = _Parser(
        prog="render_with_sound.py", description="Makes and lays what lacks a take, then renders with the sound in."
    )
    if bpy.app.module:
        parser.add_argument(
            "film", type=Path, metavar="FILM", help="the .blend; without the module Blender opens it itself"
        )
    parser.add_argument("--model", default="", metavar="ID", help="what makes the sound (default: the scene's)")
    parser.add_argument("--prompt", metavar="TEXT", help="what should be heard (default: the scene's)")
    parser.add_argument(
        "--only", action="append", default=[], metavar="NAME", help="strips by name, or by pattern (sh0*)"
    )
    parser.add_argument(
        "--selected", action="store_true", help="the strips that are selected in the file, and no others"
    )
    parser.add_argument(
        "--on-failure", choices=("warn", "stop"), default="stop", help="render all the same, or not at all"
    )
    parser.add_argument("--max-cost", metavar="AMOUNT", help="refuse to make what would cost more")
    parser.add_argument(
        "--to", type=Path, metavar="FOLDER", help="where the takes are (default: tracklay/ beside the film)"
    )
    parser.add_argument("-s", "--start", type=int, metavar="FRAME", help="the first frame to render")
    parser.add_argument("-e", "--end", type=int, metavar="FRAME", help="the last")
    parser.add_argument(
        "-a", "--animation", action="store_true", help="render; without it the takes are made, and no more"
    )
    return parser.parse_args(arguments)


def tracklay(name: str) -> Any:
    """A module of Tracklay: of the extension where Blender has it switched on, else of the code that this script lies in."""
    packages = [entry.module for entry in bpy.context.preferences.addons]
    installed = [package for package in packages if package.rpartition(".")[2] == "tracklay"]
    if installed:
        return importlib.import_module(f"{installed[0]}.{name}")
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    if not hasattr(bpy.types.Scene, "tracklay"):
        importlib.import_module("addon").register()
    return importlib.import_module(f"tracklay.{name}")


def main(arguments: Sequence[str]) -> int:
    """Make, lay and render; the exit status."""
    asked = options(arguments)
    try:
        errors, scene_audio, handlers, mixdown = map(tracklay, MODULES)
    except ImportError as error:
        tell(
            f"Tracklay cannot be loaded in this Blender ({error}): install its extension, or the packages of its pyproject.toml"
        )
        return BAD_INPUT
    try:
        if bpy.app.module:
            opened(asked.film, errors)
        scene = bpy.context.scene
        scene.frame_start = scene.frame_start if asked.start is None else asked.start
        scene.frame_end = scene.frame_end if asked.end is None else asked.end
        status = sounded(scene, asked, scene_audio)
        if asked.animation and (status == DONE or asked.on_failure == "warn"):
            rendered(scene, handlers, mixdown)
            return DONE
    except errors.InvalidInput as error:
        tell(str(error))
        return BAD_INPUT
    except (errors.TracklayError, RuntimeError) as error:
        tell(str(error).removeprefix("Error: "))
        return FAILED
    except KeyboardInterrupt:
        tell("interrupted: run the same again to go on")
        return 130
    else:
        return status


def opened(film: Path, errors: Any) -> None:
    """Open the film, in the module."""
    try:
        bpy.ops.wm.open_mainfile(filepath=str(film.absolute()), use_scripts=False)
    except RuntimeError as error:
        raise errors.InvalidInput(f"{film} cannot be opened: {str(error).strip().removeprefix('Error: ')}") from error


def sounded(scene: Any, asked: argparse.Namespace, scene_audio: Any) -> int:
    """Make and lay what is lacking; whether all of it is there."""
    wishes = scene_audio.SceneAudioOptions(
        asked.model, asked.prompt, asked.only, asked.selected, asked.max_cost, asked.to and asked.to.absolute()
    )
    came = scene_audio.generate_scene_audio(scene, wishes, tell)
    tell(f"{len(came.made)} made, {len(came.laid)} laid, {len(came.errors)} failed")
    for error in came.errors:
        tell(error)
    return FAILED if came.errors else DONE


def rendered(scene: Any, handlers: Any, mixdown: Any) -> None:
    """Render the range; a movie has its audio in it, frames have a WAV beside them."""
    if changed := mixdown.ensure_audio_codec(scene):
        tell(changed)
    with handlers.suspend_handlers():
        bpy.ops.render.render(animation=True, scene=scene.name)
    if not mixdown.is_movie_output(scene):
        tell(f"the sound of the frames: {mixdown.write_mixdown(scene, mixdown.mixdown_path(scene))}")


if __name__ == "__main__":
    given = sys.argv[1:]
    sys.exit(main(given[given.index("--") + 1 :] if "--" in given else given if bpy.app.module else []))
