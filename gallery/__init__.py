"""The gallery: every kind of picture, of drawn food and of photographs, as its users get them."""
