"""Next steps that the command adds to an error, by the error's code: they name the command's own options."""

HINTS: dict[str, str] = {
    # media
    # models
    "model.unknown": "`tracklay models` lists the models.",
    "parameter.unknown": "`tracklay models {model}` lists its parameters.",
    "parameter.missing": "Set it with --set {parameter}=VALUE.",
    # model_import
    "model_import.cannot_write": "Free some space, or set TRACKLAY_HOME to another folder.",
    "model_import.no_inputs": "Write the file by hand: see 'Add a model' in the README.",
    "model_import.unknown_model": "Check the spelling.",
    "model_import.unsupported_schema": "Write the file by hand: see 'Add a model' in the README.",
    # providers
    # jobs
    # timelines
    # batch
    "worklist.file_exists": "Run it with `tracklay batch`.",
    # report
    "report.file_exists": "Or choose another folder with --to.",
    "report.invalid_input": "Name the file that `tracklay batch` or `tracklay lay` wrote.",
    "report.invalid_row": "Run `tracklay batch` again, which writes the list again.",
    # cue, timing, paths
}
"""For every command but `batch`. A hint is a template over the error's parameters."""

BATCH_HINTS: dict[str, str] = {
    **HINTS,
    # media
    # models
    "parameter.missing": "Set it in the row's params.",
    # providers
    # jobs
    # timelines
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
}
"""For `tracklay batch`, whose options are columns of the work list."""
