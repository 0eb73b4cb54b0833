"""What a module holds: which kinds of things, how they are reached, which stand for others."""
