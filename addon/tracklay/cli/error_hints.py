"""Next steps that the command adds to an error, by the error's code: they name the command's own options."""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet

HINTS: dict[str, str] = {
    # media
    "work.cancelled": "Run the same command again to continue.",
    "square.invalid": "Set it with --square.",
    "ffmpeg.disk_full": "Free some space, or choose another folder with --to.",
    "ffmpeg.permission_denied": "Choose another folder with --to.",
    # models
    "model.unknown": "`tracklay models` lists the models.",
    "parameter.unknown": "`tracklay models {model}` lists its parameters.",
    "parameter.missing": "Set it with --set {parameter}=VALUE.",
    # import of models
    "model_import.cannot_write": "Free some space, or set TRACKLAY_HOME to another folder.",
    "model_import.no_inputs": "Write the file by hand: see 'Add a model' in the README.",
    "model_import.unknown_model": "Check the spelling.",
    "model_import.unsupported_schema": "Write the file by hand: see 'Add a model' in the README.",
    # sketch
    "sketch.unknown_parameter": "`tracklay models {model}` describes them.",
    "sketch.unknown_choice": "`tracklay models {model}` describes them.",
    # providers
    "provider.key_missing": "Set it in the environment.",
    "provider.download_too_slow": "Run `tracklay jobs collect` to download it later.",
    "provider.status_changed": "Run `tracklay jobs collect`.",
    "cog.connection_lost": "Run the same command again.",
    "cog.already_running": "Then run the same command again.",
    # jobs
    "job.not_found": "Run `tracklay jobs` to list jobs.",
    "job.unclear": (
        "`tracklay jobs resume {job}` looks for it again, `tracklay jobs resubmit {job}` sends it again (may be charged twice), "
        "`tracklay jobs discard {job}` removes it."
    ),
    "job.kept": "Run `tracklay jobs resume {job}` or the same command again.",
    "job.no_result": "`tracklay jobs collect {job}` asks once more, and sends nothing.",
    "job.taken_over": "Run `tracklay jobs` to list jobs.",
    "job.running": "Cancel it with `tracklay jobs cancel {job}`.",
    "job.not_finished": "Cancel it with `tracklay jobs cancel {job}`.",
    "ledger.damaged": "`tracklay jobs repair` saves what can be read.",
    "job.plan_damaged": "`tracklay jobs repair` saves what can be read.",
    "ledger.disk_full": "Then run the same command again.",
    "ledger.handle_not_saved": "`tracklay jobs resume` looks for it at the provider.",
    "cost.unknown_price": "Leave out --max-cost to continue.",
    "cost.bill_over_estimate": "Look at the provider's bill, then raise --max-overrun to continue.",
    "cost.over_cap": "Raise the cap to continue.",
    "cue.prompt_required": "Set one with --prompt.",
    "span.too_long": "Or leave out --parts whole.",
    "redo.no_parts": "Set --in and --out.",
    # Blender's strips
    "strip.file_missing": "Put the file back, or relink it in Blender and save.",
    "strip.not_a_file": "Relink it in Blender and save.",
    "strip.file_empty": "Write it again, or relink it in Blender and save.",
    # timelines
    "otio.output_changed": "It is yours now: rename it, or choose another folder with --to.",
    "timeline.no_named_clips": "Use --in and --out instead of --only.",
    "timeline.output_exists": "Move it away, or choose another folder with --to.",
    # batch
    "worklist.file_exists": "Run it with `tracklay batch`.",
    # report
    "report.file_exists": "Or choose another folder with --to.",
    "report.folder_without_manifests": "Name the folder that `tracklay lay` wrote to.",
    "report.invalid_input": "Name the file that `tracklay batch` or `tracklay lay` wrote.",
    "report.invalid_row": "Run `tracklay batch` again, which writes the list again.",
    # cue, timing, paths
    "manifest.invalid": "Or choose another folder with --to.",
    "path.no_space": "Free some space or choose another folder with --to.",
    "path.not_writable": "Choose another folder with --to.",
    "path.not_a_directory": "Choose another one with --to.",
}
"""For every command but `batch`. A hint is a template over the error's parameters."""

BATCH_HINTS: dict[str, str] = {
    **HINTS,
    # media
    "ffmpeg.disk_full": "Free some space, or change `folder` in the row.",
    "ffmpeg.permission_denied": "Change `folder` in the row.",
    # models
    "parameter.missing": "Set it in the row's params.",
    # providers
    # jobs
    "cue.prompt_required": "Set `prompt` in the row.",
    # timelines
    "otio.output_changed": "It is yours now: rename it, or change `folder` in the row.",
    "timeline.output_exists": "Move it away, or change `folder` in the row.",
    # batch
    "batch.cue_removed": "`tracklay lay --plan` creates it.",
    "batch.over_cap": "Use fewer rows or takes, or raise --max-cost.",
    "batch.price_unknown": "Leave out --max-cost to run it without a cap.",
    "dask.invalid_address": "Correct --on.",
    "dask.no_workers": "Start some with `dask worker`.",
    "dask.not_installed": "--on needs it: pip install 'tracklay[dask]'.",
    "dask.unreachable": "Start one, or correct --on.",
    "verdicts.unknown_row": "Name the list that the report was made from.",
    # cue, timing, paths
    "manifest.invalid": "Or change `folder` in the row.",
    "path.no_space": "Free some space or change `folder` in the row.",
    "path.not_writable": "Change `folder` in the row.",
    "path.not_a_directory": "Change `folder` in the row.",
}
"""For `tracklay batch`, whose options are columns of the work list."""

_OPTION = re.compile(r"(?<!\S)--[a-z][a-z-]+")
_QUOTED_COMMAND = re.compile(r"`[^`]*`")


def hints_for(command: str, option_names: AbstractSet[str]) -> dict[str, str]:
    """Return the hints that fit a command: those that name an option it lacks are left out.

    Options inside backticks belong to the command that is quoted there.
    """
    hints = BATCH_HINTS if command == "batch" else HINTS
    return {
        code: hint
        for code, hint in hints.items()
        if set(_OPTION.findall(_QUOTED_COMMAND.sub("", hint))) <= option_names
    }
