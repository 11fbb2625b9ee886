"""Motion analysis: finds impacts, stops and fast movement in low-resolution video."""
