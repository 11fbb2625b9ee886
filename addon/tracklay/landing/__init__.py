"""Lands sounds on contacts: moves each event of a take to the instant at which the picture shows its cause.

    matching    onsets to contacts, one to one and in order, with a probability for each pair, and the take's constant lag
    units       onsets to stretches that move as a whole: from the quiet point before an attack to the decay's end
    layout      units and their shifts to pieces: which part of the take is heard at which sample
    texture     the take's own background, to fill what a moved unit leaves behind
    ringing     decays beyond the next attack, extrapolated
    renderer    pieces to samples

`land.py` runs them in this order. Only what is heard is edited; no file is known here.
"""
