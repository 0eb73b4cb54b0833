"""Where pictures and figures go."""
