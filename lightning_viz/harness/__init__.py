"""What makes it safe to explain a network in the middle of a training run."""
