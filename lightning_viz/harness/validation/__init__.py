"""What the network predicted in a validation, counted."""
