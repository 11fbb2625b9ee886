"""Runs `tracklay mix`: mixes the sounds of a picture to a loudness target."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from ..errors import InvalidInput, TracklayError
from ..mix.layouts import LAYOUTS, STEREO, name_of_channels
from ..mix.plan import MixMeasures
from ..mix.presets import LUFS_RANGE, PRESET_NAMES, TRUE_PEAK_RANGE, load_preset
from ..timelines.delivery import deliver_takes
from ..timelines.formats import BLEND_SUFFIX
from ..timelines.mixing.blend_mix import MEASURES, BlendMix, mix_blend
from ..timelines.mixing.delivery import MixOptions, MixResult, mix_timeline
from ..timelines.mixing.scene import parse_kinds
from .console import PlainConsole
from .exit_status import EXIT_DONE
from .messages import print_json, print_messages

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    from ..cue import Failure, Take
    from ..jobs.delivery import FileDelivery
    from ..jobs.runner import BlockingRunner
    from ..timelines.base import LayResult, Timeline

_ORIGINS = {
    "set": "set",
    "name": "by its name",
    "model": "by its model",
    "speech": "someone speaks",
    "music": "music plays",
    "length": "by its length",
}


def run_mix(options: argparse.Namespace) -> int:
    """Run the command and return the exit status."""
    if options.picture.suffix.lower() == BLEND_SUFFIX:
        return _run_blend_mix(options)
    request = MixOptions(
        load_preset(options.preset),
        _in_range("--target", options.target, LUFS_RANGE),
        _in_range("--true-peak", options.true_peak, TRUE_PEAK_RANGE),
        parse_kinds(options.kinds),
        options.stems,
        to=options.to,
        channels=LAYOUTS.get(options.layout),
    )
    result = mix_timeline(options.picture, request)
    if options.json:
        print_json(result.to_dict())
    else:
        show_mix(result)
    print_messages(list(result.notes))
    return EXIT_DONE


def _run_blend_mix(options: argparse.Namespace) -> int:
    load_preset(options.preset)  # wrong ones are refused before a Blender is started
    result = mix_blend(
        options.picture,
        options.preset if options.preset in PRESET_NAMES else str(Path(options.preset).absolute()),
        target_lufs=_in_range("--target", options.target, LUFS_RANGE),
        true_peak_db=_in_range("--true-peak", options.true_peak, TRUE_PEAK_RANGE),
        kinds=parse_kinds(options.kinds),
        with_stems=options.stems,
        to=options.to,
    )
    if options.json:
        print_json(result.to_dict())
    else:
        _show_blend_mix(result)
    print_messages(list(result.reply["notes"]))
    return EXIT_DONE


def _show_blend_mix(result: BlendMix) -> None:
    console = PlainConsole()
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("sound", "kind", "found"):
        table.add_column(heading)
    for sound in result.reply["sounds"]:
        table.add_row(Text(sound["id"]), sound["kind"], _ORIGINS[sound["kind_from"]])
    console.print(table)
    measures = MixMeasures(**{name: result.reply[name] for name in MEASURES})
    console.print(Text(measures_line(measures, STEREO)), soft_wrap=True)
    for label, path in (("mix", result.mix), ("sound", result.sound), ("curves", result.curves)):
        console.print(Text(f"{label:<10}{' '.join(str(path).splitlines())}"), soft_wrap=True)


def lay_and_mix(
    runner: BlockingRunner,
    timeline: Timeline,
    takes: Sequence[Take],
    failed: Sequence[Failure],
    to: Path,
    delivery: FileDelivery,
    describe: Callable[[TracklayError], str],
) -> tuple[LayResult, MixResult | None, list[str]]:
    """Lay takes in a folder, and mix what was laid if their delivery says so. Return the result, the mix, if there is one, and notes.

    The jobs are laid once the mix is written: if the process is killed before, `tracklay jobs resume` lays and mixes.

    Raises:
        LedgerError, OutputError: the ledger cannot be written.
    """
    laid = runner.call(
        deliver_takes,
        timeline,
        takes,
        failed,
        to,
        drop_original=delivery.drop_original,
        is_last_step=not delivery.mix,
        describe=describe,
    )
    if not delivery.mix or not takes or laid.failures:
        return laid, None, []
    mixed, notes = _mix_laid(timeline, to, delivery, describe)
    runner.mark_laid(takes)
    return laid, mixed, notes


def _mix_laid(
    timeline: Timeline, to: Path, delivery: FileDelivery, describe: Callable[[TracklayError], str]
) -> tuple[MixResult | None, list[str]]:
    """Mix what was laid. A mix that fails is a note: the takes are laid all the same, and `tracklay mix` can mix them later."""
    try:
        request = MixOptions(load_preset(delivery.mix), to=to, drop_original=delivery.drop_original)
        result = mix_timeline(timeline.path, request)
    except TracklayError as error:
        return None, [f"not mixed: {describe(error)}"]
    return result, list(result.notes)


def _in_range(option: str, value: float | None, limits: tuple[float, float]) -> float | None:
    if value is not None and not limits[0] <= value <= limits[1]:
        raise InvalidInput(
            "usage.mix_number",
            "{option} must be from {low:g} to {high:g}, not {value:g}.",
            option=option,
            low=limits[0],
            high=limits[1],
            value=value,
        )
    return value


def show_mix(result: MixResult) -> None:
    """Print each sound with its kind and level, what was measured, and the paths of the files."""
    console = PlainConsole()
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("sound", "name", "kind", "found", "level"):
        table.add_column(heading, justify="right" if heading == "level" else "left")
    for sound in result.plan.sounds:
        level = f"{sound.level_db + result.plan.master_db:+.1f} dB"
        table.add_row(Text(sound.id), Text(sound.name), sound.kind, _ORIGINS[sound.kind_from], level)
    console.print(table)
    console.print(Text(measures_line(result.plan.measures, result.plan.channels)), soft_wrap=True)
    labelled: list[tuple[str, Any]] = [("mix", result.mix), ("sound", result.sound), ("curves", result.curves)]
    for label, path in (*labelled, *result.stems.items()):
        console.print(Text(f"{label:<10}{' '.join(str(path).splitlines())}"), soft_wrap=True)


def measures_line(measures: MixMeasures, channels: int) -> str:
    """Return a mix's layout, loudness, true peak and dialogue over music in one line."""
    if measures.lufs is None:
        return "silent"
    line = f"{name_of_channels(channels)}, {measures.lufs:.1f} LUFS, true peak {measures.true_peak:.1f} dBTP"
    if measures.dialogue_over_music is not None:
        line += f", dialogue {measures.dialogue_over_music:.1f} LU over music"
    return line + (f", {measures.limiting_db:.1f} dB limited" if measures.limiting_db > 0 else "")
