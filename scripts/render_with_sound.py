"""Renders a film with its sound: generates and lays missing takes first, then renders with them in the mix.

    blender -b film.blend --python scripts/render_with_sound.py -- [options] -a
    python scripts/render_with_sound.py film.blend [options] -a            (with the bpy module)

Exit status: 0 rendered (with `--on-failure warn` even if a cue failed, which is reported); 1 something failed; 2 wrong usage or film.
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
DONE, FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130
MODULES = ("errors", "blender.render.scene_audio", "blender.render.handlers", "blender.render.mixdown")


def print_message(message: str) -> None:
    """Print one line on stderr, where a farm's log shows it."""
    print(f"tracklay: {' '.join(message.split())}", file=sys.stderr, flush=True)


class _Parser(argparse.ArgumentParser):
    """An argument parser that reports wrong usage in one line, as the command does."""

    def error(self, message: str) -> Any:
        print_message(f"{message[:1].upper()}{message[1:]}. See --help.")
        sys.exit(BAD_INPUT)


def parse_options(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the arguments: those after `--` inside Blender, all of them otherwise."""
    parser = _Parser(prog="render_with_sound.py", description="Generate and lay missing takes, then render with sound.")
    if bpy.app.module:
        parser.add_argument("film", type=Path, metavar="FILM", help="the .blend file")
    parser.add_argument("--model", default="", metavar="ID", help="model to use (default: the scene's)")
    parser.add_argument("--prompt", metavar="TEXT", help="sounds to generate (default: the scene's)")
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="NAME",
        help="only strips with this name or pattern, sh0* (repeatable)",
    )
    parser.add_argument("--selected", action="store_true", help="only strips that are selected in the file")
    parser.add_argument(
        "--on-failure", choices=("warn", "stop"), default="stop", help="render anyway, or not at all (default: stop)"
    )
    parser.add_argument("--max-cost", metavar="AMOUNT", help="budget cap of this run")
    parser.add_argument(
        "--to", type=Path, metavar="FOLDER", help="folder of the takes (default: tracklay/ beside the film)"
    )
    parser.add_argument("-s", "--start", type=int, metavar="FRAME", help="first frame to render (default: the scene's)")
    parser.add_argument("-e", "--end", type=int, metavar="FRAME", help="last frame to render (default: the scene's)")
    parser.add_argument("-a", "--animation", action="store_true", help="render; without it only takes are generated")
    return parser.parse_args(arguments)


def tracklay(name: str) -> Any:
    """Import a module of Tracklay: from the enabled extension, otherwise from the checkout that holds this script."""
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
    """Generate, lay and render, and return the exit status."""
    options = parse_options(arguments)
    try:
        errors, scene_audio, handlers, mixdown = map(tracklay, MODULES)
    except ImportError as error:
        print_message(
            f"Cannot import Tracklay in this Blender: {error}. Install the extension, or the packages of its pyproject.toml."
        )
        return BAD_INPUT
    try:
        if bpy.app.module:
            open_film(options.film, errors)
        scene = bpy.context.scene
        scene.frame_start = scene.frame_start if options.start is None else options.start
        scene.frame_end = scene.frame_end if options.end is None else options.end
        status = generate_audio(scene, options, scene_audio)
        if options.animation and (status == DONE or options.on_failure == "warn"):
            render(scene, handlers, mixdown)
            return DONE
    except errors.InvalidInput as error:
        print_message(str(error))
        return BAD_INPUT
    except (errors.TracklayError, RuntimeError) as error:
        print_message(str(error).removeprefix("Error: "))
        return FAILED
    except KeyboardInterrupt:
        print_message("Interrupted. Run the same command again to continue.")
        return INTERRUPTED
    else:
        return status


def open_film(film: Path, errors: Any) -> None:
    """Open the film. Inside Blender it is open already."""
    try:
        bpy.ops.wm.open_mainfile(filepath=str(film.absolute()), use_scripts=False)
    except RuntimeError as error:
        reason = str(error).strip().removeprefix("Error: ")
        raise errors.InvalidInput(
            "film.unreadable", "Cannot open {path}: {reason}.", path=film, reason=reason
        ) from error


def generate_audio(scene: Any, options: argparse.Namespace, scene_audio: Any) -> int:
    """Generate and lay missing takes, and return the exit status."""
    audio_options = scene_audio.SceneAudioOptions(
        options.model,
        options.prompt,
        options.only,
        options.selected,
        options.max_cost,
        options.to and options.to.absolute(),
    )
    result = scene_audio.generate_scene_audio(scene, audio_options, print_message)
    print_message(f"{len(result.made)} made, {len(result.laid)} laid, {len(result.errors)} failed")
    for error in result.errors:
        print_message(error)
    return FAILED if result.errors else DONE


def render(scene: Any, handlers: Any, mixdown: Any) -> None:
    """Render the range. A movie contains its audio; frames get a WAV file beside them."""
    if changed := mixdown.ensure_audio_codec(scene):
        print_message(changed)
    with handlers.suspend_handlers():
        bpy.ops.render.render(animation=True, scene=scene.name)
    if not mixdown.is_movie_output(scene):
        request = mixdown.prepare_mixdown(scene, scene.frame_start, scene.frame_end)
        print_message(f"Audio of the frames: {mixdown.write_mixdown(request)}")


if __name__ == "__main__":
    # Blender keeps its own arguments before `--`; without one there are none for this script.
    argv = sys.argv[1:]
    sys.exit(main(argv[argv.index("--") + 1 :] if "--" in argv else argv if bpy.app.module else []))
