"""What a release is made of: policy and gates, evidence, bundle, card, and how it is served."""
