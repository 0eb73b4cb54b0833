"""How the dishes of each class are painted."""
