"""Next steps that Blender's panels add to an error, by the error's code: they name buttons, panels and preferences."""

HINTS: dict[str, str] = {
    # media
    "ffmpeg.not_found": "Or choose one in Preferences.",
    "square.invalid": "Change Square in the panel's settings.",
    # models
    # providers
    "provider.key_missing": "Set it in Tracklay's preferences.",
    "cog.no_server": "The URL is in Tracklay's preferences, too.",
    "cog.connection_lost": "Generate the sound again.",
    "cog.already_running": "Then generate the sound again.",
    # jobs
    # cue, timing, paths
    # blender
}
"""A hint is a template over the error's parameters; it is translated like a label."""
