"""Data: fetched, read, de-duplicated, split, turned into tensors and served in batches."""
