"""Pictures of what lies over an image or beside it: maps, superpixels, outlines, slices, and their colour bar."""
