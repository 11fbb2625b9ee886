"""Next steps that Blender's panels add to an error, by the error's code: they name buttons, panels and preferences."""

HINTS: dict[str, str] = {
    # media
    "ffmpeg.not_found": "Or choose one in Preferences.",
    "square.invalid": "Change Square in the panel's settings.",
    # models
    "model.unknown": "Choose one in the panel's menu.",
    "parameter.unknown": "The model's settings list its parameters.",
    "parameter.missing": "Set it in the model's settings.",
    # providers
    "provider.key_missing": "Set it in Tracklay's preferences.",
    "cog.no_server": "The URL is in Tracklay's preferences, too.",
    "cog.connection_lost": "Generate the sound again.",
    "cog.already_running": "Then generate the sound again.",
    # jobs
    "job.unclear": "Use Recheck Job to look for it again, Resubmit Job (may be charged twice), or Discard Job.",
    "job.kept": "Use Resume Jobs to continue.",
    "job.running": "Cancel it first.",
    "job.not_finished": "Cancel it first.",
    "ledger.handle_not_saved": "Use Recheck Job to look for it at the provider.",
    "cost.over_cap": "Raise Project Budget in the preferences.",
    "cue.prompt_required": "Write a prompt in the panel.",
    # cue, timing, paths
    "manifest.invalid": "Or choose another takes folder in the preferences.",
    # blender
}
"""A hint is a template over the error's parameters; it is translated like a label."""
