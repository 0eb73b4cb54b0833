"""Gradients of scores with respect to images, for callbacks of one's own."""

from lightning_viz.explain.attribution.gradients import input_gradient, loss_gradient

__all__ = ["input_gradient", "loss_gradient"]
