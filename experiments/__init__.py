"""What to run and what to conclude: specs, launching, comparison, release."""
