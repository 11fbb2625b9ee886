"""Renders proxies and mixes sound at render time."""
