"""What a fleet shares: the database, the leases, the checkpoints. Knows nothing of recipes, models or the command line.

Import from the modules: `storage.store.Store`, the rows in `storage.rows`, the errors in `storage.errors`.
"""
