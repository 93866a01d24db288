"""Before and beside a study: whether the machinery tells the truth where the truth is known."""
