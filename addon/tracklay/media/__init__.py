"""ffmpeg's room: probe, extract, conform, and joining sound to picture."""
