"""The mix in a real window."""
