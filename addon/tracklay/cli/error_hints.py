"""Next steps that the command adds to an error, by the error's code: they name the command's own options."""

HINTS: dict[str, str] = {
    # media
    # models
    # model_import
    # providers
    # jobs
    "job.not_found": "Run `tracklay jobs` to list jobs.",
    "job.unclear": (
        "`tracklay jobs resume {job}` looks for it again, `tracklay jobs resubmit {job}` sends it again (may be charged twice), "
        "`tracklay jobs discard {job}` removes it."
    ),
    "job.kept": "Run `tracklay jobs resume {job}` or the same command again.",
    "job.taken_over": "Run `tracklay jobs` to list jobs.",
    "job.running": "Cancel it with `tracklay jobs cancel {job}`.",
    "job.not_finished": "Cancel it with `tracklay jobs cancel {job}`.",
    "ledger.disk_full": "Then run the same command again.",
    "ledger.handle_not_saved": "`tracklay jobs resume` looks for it at the provider.",
    "cost.unknown_price": "Leave out --max-cost to continue.",
    "cost.over_cap": "Raise the cap to continue.",
    "cue.prompt_required": "Set one with --prompt.",
    # timelines
    # batch
    # report
    # cue, timing, paths
    "manifest.invalid": "Or choose another folder with --to.",
}
"""For every command but `batch`. A hint is a template over the error's parameters."""

BATCH_HINTS: dict[str, str] = {
    **HINTS,
    # media
    # models
    # providers
    # jobs
    "cue.prompt_required": "Set `prompt` in the row.",
    # timelines
    # batch
    # cue, timing, paths
    "manifest.invalid": "Or change `folder` in the row.",
}
"""For `tracklay batch`, whose options are columns of the work list."""
