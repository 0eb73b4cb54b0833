"""Outputs that have a place in the image: regions and boxes."""
