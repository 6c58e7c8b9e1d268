"""How a study scales with its workers: real workers that sleep instead of training, on one real PostgreSQL."""
