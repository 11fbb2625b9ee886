"""Connects the background jobs to the main thread of Blender."""
