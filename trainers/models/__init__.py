"""The networks, one a file, each readable alone."""
