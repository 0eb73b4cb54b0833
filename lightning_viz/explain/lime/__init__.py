"""Which superpixels of an image speak for a class: local linear models of masked copies."""
