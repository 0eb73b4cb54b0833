"""Where it is safe to explain in the middle of a training run: a copy of the network, or itself under a guard."""
