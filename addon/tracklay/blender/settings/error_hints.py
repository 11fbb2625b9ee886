"""Next steps that Blender's panels add to an error, by the error's code: they name buttons, panels and preferences."""

HINTS: dict[str, str] = {
    # media
    # models
    "model.unknown": "Choose one in the panel's menu.",
    "parameter.unknown": "The model's settings list its parameters.",
    "parameter.missing": "Set it in the model's settings.",
    # providers
    # jobs
    # cue, timing, paths
    # blender
}
"""A hint is a template over the error's parameters; it is translated like a label."""
