"""The callbacks: one picture, one class. Their public names are those of `lightning_viz`."""
