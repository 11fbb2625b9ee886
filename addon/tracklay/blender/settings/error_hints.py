"""Next steps that Blender's panels add to an error, by the error's code: they name buttons, panels and preferences."""

HINTS: dict[str, str] = {
    # media
    # models
    # providers
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
