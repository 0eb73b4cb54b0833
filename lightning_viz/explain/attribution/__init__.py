"""What an image's pixels have to do with a class score."""
