"""Offline engine: analyses motion, synthesizes foley and composes music. Pure numpy; no network, no API key."""
