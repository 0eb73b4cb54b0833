"""What transformers attend to."""
