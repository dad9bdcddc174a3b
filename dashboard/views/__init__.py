"""The pages: layout only; what they show is computed elsewhere."""
