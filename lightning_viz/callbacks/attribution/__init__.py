"""Maps of the probes: what in an image matters to a class."""
