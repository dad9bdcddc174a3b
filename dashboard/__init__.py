"""The window on the store: what the user sees."""
