"""Tests of the mix in Blender."""
