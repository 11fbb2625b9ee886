"""Translations of the user interface."""
