"""Preferences, scene properties, the model catalogue and translations: needs no sequencer."""
