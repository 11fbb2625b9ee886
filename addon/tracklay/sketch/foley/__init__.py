"""Synthesises foley and ambience from events and a prompt."""
