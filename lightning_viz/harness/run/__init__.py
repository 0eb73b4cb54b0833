"""One run of a Trainer: its processes, its clock, its best epoch."""
