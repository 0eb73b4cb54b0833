"""The network to explain, as a function from images to scores."""
