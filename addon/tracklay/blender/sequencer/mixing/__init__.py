"""The mix on the timeline: what is heard, and the volume keyframes that are written."""
