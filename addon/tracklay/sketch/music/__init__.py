"""Composes and renders music from a prompt."""
