"""Models, data and one training run: how a model learns."""
