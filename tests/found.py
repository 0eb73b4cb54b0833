"""What is found by itself, so that a new callback inherits every bar."""

import inspect

import lightning_viz
from lightning_viz import ExplanationCallback

CALLBACKS = [
    cls
    for name in lightning_viz.__all__
    if inspect.isclass(cls := getattr(lightning_viz, name))
    and issubclass(cls, ExplanationCallback)
    and not inspect.isabstract(cls)
]
"""Every public callback that draws."""

OF_LAYERS = [cls for cls in CALLBACKS if cls.__module__.startswith("lightning_viz.callbacks.features")]
"""Those that need no scores."""
