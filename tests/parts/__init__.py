"""Tests of `tracklay.parts` and of the jobs of parts."""
