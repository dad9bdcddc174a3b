"""Studies from the inside: their spec and space, the process that searches, its trials."""
