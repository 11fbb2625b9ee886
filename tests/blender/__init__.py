"""Tests in the bpy module: an interpreter of its own, with no window and no timers."""
