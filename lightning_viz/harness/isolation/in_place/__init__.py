"""Explaining the network itself: everything is as it was afterwards."""
