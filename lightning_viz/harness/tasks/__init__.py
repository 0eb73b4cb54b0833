"""What the outputs of a network mean, and what is asked of an image."""
