"""Tests in a real Blender with its window: the built extension, installed as a person installs it, into a profile of its own."""
