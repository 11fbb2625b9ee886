"""Tracklay: generates sound for video and lays it in sync, sample-accurate. Blender calls `register` and `unregister`."""


def register() -> None:
    """Enable Tracklay in the running Blender, or in the bpy module."""
    from . import blender  # noqa: PLC0415 - bpy is imported in there, and only there

    blender.register()


def unregister() -> None:
    """Disable Tracklay."""
    from . import blender  # noqa: PLC0415

    blender.unregister()
