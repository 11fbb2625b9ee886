"""Next steps that Blender's panels add to an error, by the error's code: they name buttons, panels and preferences."""

HINTS: dict[str, str] = {
    # media
    # models
    # providers
    # jobs
    # cue, timing, paths
    # blender
}
"""A hint is a template over the error's parameters; it is translated like a label."""
