"""Measures and counts as pictures, and what they say in words."""
