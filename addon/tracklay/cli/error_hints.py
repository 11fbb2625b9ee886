"""Next steps that the command adds to an error, by the error's code: they name the command's own options."""

HINTS: dict[str, str] = {
    # media
    "work.cancelled": "Run the same command again to continue.",
    "square.invalid": "Set it with --square.",
    "ffmpeg.disk_full": "Free some space, or choose another folder with --to.",
    "ffmpeg.permission_denied": "Choose another folder with --to.",
    # models
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
    "ffmpeg.disk_full": "Free some space, or change `folder` in the row.",
    "ffmpeg.permission_denied": "Change `folder` in the row.",
    # models
    # providers
    # jobs
    # timelines
    # batch
    # cue, timing, paths
}
"""For `tracklay batch`, whose options are columns of the work list."""
