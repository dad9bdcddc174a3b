"""What is learnt, whatever learns it: losses, scores, and what is said about each example."""
