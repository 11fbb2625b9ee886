"""Commands that make an existing take again: a part or stretch of it, its music fitted, its hits landed."""
