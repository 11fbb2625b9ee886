"""Next steps that Blender's panels add to an error, by the error's code: they name buttons, panels and preferences."""

HINTS: dict[str, str] = {
    # media
    # models
    # providers
    # jobs
    # cue, timing, paths
    # blender
    "network.offline": "Turn on Allow Online Access in Preferences > System > Network.",
    "prompt.missing": "Write a prompt in the panel.",
    "extra.no_name": "Write its name, or remove its row.",
    "extra.duplicate": "Remove one of its rows.",
}
"""A hint is a template over the error's parameters; it is translated like a label."""
