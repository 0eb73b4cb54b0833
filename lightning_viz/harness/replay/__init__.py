"""The pictures of a run that is over, from its checkpoints."""
