"""The `tracklay` command: one module for each sub-command."""
