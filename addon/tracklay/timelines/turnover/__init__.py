"""Sessions for a turnover, read from what the command has: manifests, timelines, media files and .blend files."""
