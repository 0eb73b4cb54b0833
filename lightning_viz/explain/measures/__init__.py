"""How faithful, and how alike, maps are."""
