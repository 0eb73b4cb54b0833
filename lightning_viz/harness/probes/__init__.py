"""Which images are explained, and how they are read."""
