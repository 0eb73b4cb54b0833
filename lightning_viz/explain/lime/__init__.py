"""Which regions of an image speak for a class: local linear models of masked copies."""
