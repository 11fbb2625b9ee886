"""What the panel shows of mixes besides the running job: why the last one failed."""

from __future__ import annotations

error_text = ""
"""The error of the last mix, translated; empty if it succeeded."""
