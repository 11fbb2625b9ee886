"""Next steps that the command adds to an error, by the error's code: they name the command's own options."""

HINTS: dict[str, str] = {
    # media
    # models
    # sketch
    "sketch.unknown_parameter": "`tracklay models {model}` describes them.",
    "sketch.unknown_choice": "`tracklay models {model}` describes them.",
    # model_import
    # providers
    # jobs
    # timelines
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
    # batch
    # cue, timing, paths
}
"""For `tracklay batch`, whose options are columns of the work list."""
