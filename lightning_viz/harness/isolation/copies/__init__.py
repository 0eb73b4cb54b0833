"""Explaining a copy of the network, which is made once and renewed."""
