"""Channels and names of takes: a channel for each kind of sound, above the picture."""
