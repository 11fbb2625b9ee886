"""Next steps that the command adds to an error, by the error's code: they name the command's own options."""

HINTS: dict[str, str] = {
    # media
    # models
    # model_import
    # providers
    # jobs
    # timelines
    "otio.output_changed": "It is yours now: rename it, or choose another folder with --to.",
    "timeline.no_named_clips": "Use --in and --out instead of --only.",
    "timeline.output_exists": "Move it away, or choose another folder with --to.",
    # batch
    # report
    # cue, timing, paths
}
"""For every command but `batch`. A hint is a template over the error's parameters."""

BATCH_HINTS: dict[str, str] = {
    **HINTS,
    # media
    # models
    # providers
    # jobs
    # timelines
    "otio.output_changed": "It is yours now: rename it, or change `folder` in the row.",
    "timeline.output_exists": "Move it away, or change `folder` in the row.",
    # batch
    # cue, timing, paths
}
"""For `tracklay batch`, whose options are columns of the work list."""
