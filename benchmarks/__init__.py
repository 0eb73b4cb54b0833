"""What a drawing costs: every duration beside that of a reference, measured side by side in one run."""
