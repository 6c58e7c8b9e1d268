"""A table of real learning curves, trained once, on which rules of stopping and pruning are replayed."""
