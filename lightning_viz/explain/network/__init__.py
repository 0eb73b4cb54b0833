"""Layers, memory and arithmetic of the network that is asked."""
