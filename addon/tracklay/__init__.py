"""Tracklay: lays generated sound under picture, in sync to the sample. Blender calls these two; everything else has its room."""


def register() -> None:
    """Add Tracklay to the running Blender, or to the bpy module."""
    from . import blender  # noqa: PLC0415 - bpy is imported in there, and only there

    blender.register()


def unregister() -> None:
    """Take it out again."""
    from . import blender  # noqa: PLC0415

    blender.unregister()
