"""Hearing a take while working: alone, in a loop, louder or softer, faded, and nudged in time."""
