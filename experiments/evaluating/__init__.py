"""What predictions and curves say about models: figures, slices, costs, checks, evidence and its words."""
