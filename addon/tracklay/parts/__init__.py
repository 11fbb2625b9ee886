"""Parts of a span that is longer than its model: how many, how long, and where they meet. `jobs` runs them, `joining` joins them."""
