"""Tests in a real Blender window: the built extension is installed with Blender's own command, into a profile of its own."""
