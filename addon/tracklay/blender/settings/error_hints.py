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
    "job.unclear": "Recheck, resubmit or discard it in the Cues panel.",
    "job.kept": "Use Resume Jobs to continue.",
    "job.no_result": "Generate the sound again.",
    "job.running": "Cancel it first.",
    "job.not_finished": "Cancel it first.",
    "ledger.handle_not_saved": "Use Recheck Job to look for it at the provider.",
    "cost.bill_over_estimate": "Look at the provider's bill, then raise Bill Limit in the preferences.",
    "cost.over_cap": "Raise Project Budget in the preferences.",
    "cue.prompt_required": "Write a prompt in the panel.",
    # cue, timing, paths
    "manifest.invalid": "Or choose another takes folder in the preferences.",
    # blender
    "strip.file_missing": "Choose the file again in the strip's Source panel.",
    "strip.file_not_opened": "Choose the file again in the strip's Source panel.",
    "strip.not_a_file": "Choose the file again in the strip's Source panel.",
    "strip.file_empty": "Choose the file again in the strip's Source panel.",
    "scene_audio.source_unreadable": "Choose the file again in the strip's Source panel.",
    "strip.needs_render": "Set Picture to Automatic in the panel.",
    "blender.timeline_closed": "Open it again.",
    "takes.only_one": "Generate more takes.",
    "takes.picture_missing": "Select another picture and generate for that.",
    "landing.file_missing": "Generate the take again.",
    "stems.file_missing": "Generate the take again.",
    "network.offline": "Turn on Allow Online Access in Preferences > System > Network.",
    "extra.no_name": "Write its name, or remove its row.",
    "extra.duplicate": "Remove one of its rows.",
}
"""A hint is a template over the error's parameters; it is translated like a label."""
