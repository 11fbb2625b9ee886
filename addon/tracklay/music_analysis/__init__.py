"""Analysis of music: tempo, beats, bars, likeness of beats, sections, accents and the ending. It reads samples and writes none.

    features   one pass over the sound: onset strength, band levels, pitch classes, level
    tempo      the beat's period, with its octave
    beats      beats on the onsets, to a few milliseconds
    bars       beats in a bar, and which beat is the first
    likeness   pitch classes and timbre of each beat, and how alike two beats are
    structure  section starts and strong accents
    ending     where the music's own ending begins, and where it has died away

`analyzer.py` runs them in this order. Times are samples of the sound itself.
"""
