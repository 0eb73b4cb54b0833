"""What the network confuses."""
