"""What all callbacks have in common."""
