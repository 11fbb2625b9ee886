"""One cue over a range of the timeline: what plays there across all cuts and channels, and whether it still does."""
