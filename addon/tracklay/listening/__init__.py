"""Analysis of sound: onsets, background, quiet points, loudness. It reads samples and writes none.

Sounds are float32 arrays of shape (samples, channels), full scale at 1, of any rate and number of channels.
"""
