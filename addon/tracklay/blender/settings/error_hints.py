"""Next steps that Blender's panels add to an error, by the error's code: they name buttons, panels and preferences."""

HINTS: dict[str, str] = {
    # media
    # models
    # providers
    # jobs
    # cue, timing, paths
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
    "stems.file_missing": "Generate the take again.",
    "network.offline": "Turn on Allow Online Access in Preferences > System > Network.",
    "prompt.missing": "Write a prompt in the panel.",
    "extra.no_name": "Write its name, or remove its row.",
    "extra.duplicate": "Remove one of its rows.",
}
"""A hint is a template over the error's parameters; it is translated like a label."""
