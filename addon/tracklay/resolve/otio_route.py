"""The way through files: what Resolve reads of an `.otio`. It is the only one for the free edition of 21.1, and works in all.

Resolve finds media by plain absolute paths only, aborts at a schema that it does not know (otio-kit 0.0.4, measured on the free 21.1 for
Linux), and counts clips by the time stamps in their files.
"""

from __future__ import annotations

from ..jobs.delivery import CopyStyle

COPY_STYLE = CopyStyle(absolute_paths=True, task_tracks=True, media_timecode=True, interchange=True)
"""How a timeline's copy is written for Resolve."""
