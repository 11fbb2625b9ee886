"""Joins sounds: parts of a long cue, a stretch of a take, a piece of music and its continuation, so that no join is heard.

    levels         the level difference over an overlap, and the gains of all parts that take it out
    placement      the place and length of a crossfade inside an overlap
    crossfade      fades of constant power for two sides of any correlation
    join           parts to one sound, block by block
    join_files     the same for WAV files
    prediction     bridges where parts meet without an overlap
    continuation   the end of a given tail in a model's reply, and the join behind it
    beats          joins on downbeats
    music_join     parts of a piece of music: continuations, and joins on downbeats

Sounds are float32 arrays of shape (samples, channels), full scale at 1. Time is counted in samples of the joined sound.
"""
