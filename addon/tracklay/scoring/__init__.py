"""Scores takes by measures of their samples: contacts met, speech and music, clipping, silence and noise in the wrong place."""
