"""What happened: runs, their points, events and predictions."""
