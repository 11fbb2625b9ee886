"""Jobs of a cue that is longer than its model: one job for each part, and one that plans, runs and joins them."""
