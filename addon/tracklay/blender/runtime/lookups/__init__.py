"""Lookups by threads, of what panels show but may not read while they are drawn."""
