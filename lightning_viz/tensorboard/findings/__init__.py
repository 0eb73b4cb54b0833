"""What a run taught, in sentences with their numbers, from what lies in its log alone."""
