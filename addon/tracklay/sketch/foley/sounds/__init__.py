"""Sounds of things that are struck, rubbed or voiced, as layers of noise, modes, grains and voices."""
