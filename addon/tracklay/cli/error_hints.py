"""Next steps that the command adds to an error, by the error's code: they name the command's own options."""

HINTS: dict[str, str] = {
    # media
    # models
    # model_import
    # providers
    "provider.key_missing": "Set it in the environment.",
    "provider.download_too_slow": "Run `tracklay jobs collect` to download it later.",
    "provider.status_changed": "Run `tracklay jobs collect`.",
    "cog.connection_lost": "Run the same command again.",
    "cog.already_running": "Then run the same command again.",
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
