"""What runs when and where: jobs, slots, the supervisor and the wrapper around each training."""
