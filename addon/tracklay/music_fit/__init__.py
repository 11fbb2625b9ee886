"""Fits music to a span: to its length with the music's own start and ending, and with accents on hit points.

    joins          which beats can follow which: cost and similarity of a join
    anchors        what has to fall where: the start, the hits, the ending
    path_search    the cheapest path through the beats from anchor to anchor
    time_change    small corrections in the steady parts of beats, up to 2 % of time
    assembly       the path to pieces: which part of the music is heard at which sample
    renderer       pieces to samples
    tempo_choice   the tempo whose beats fall on most hits

`fit.py` runs them in this order. Nothing is asked from a model: the same music can be fitted again at any time.
"""
