"""Frame rates and timecode of media files."""
