"""Turnover: hands the laid sounds of a timeline to the mixing room, as sessions of other programs with their media.

Readers of Tracklay's own files are in `timelines/turnover/`; here is the session, the media and one writer for each format. Nothing here
needs more than numpy, ffmpeg and, for AAF, pyaaf2, so the extension ships it.
"""
