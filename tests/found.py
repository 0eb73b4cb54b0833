"""What is found by itself, so that a new callback inherits every bar."""

import inspect

import lightning_viz
from lightning_viz import ExplanationCallback

OF_ATTENTION = [lightning_viz.AttentionMaps, lightning_viz.AttentionWall]
"""Those that need a network with attention, and refuse any other before the first batch."""

CALLBACKS = [
    cls
    for name in lightning_viz.__all__
    if inspect.isclass(cls := getattr(lightning_viz, name))
    and issubclass(cls, ExplanationCallback)
    and not inspect.isabstract(cls)
    and cls not in OF_ATTENTION
]
"""Every public callback that draws any network."""

OF_LAYERS = [cls for cls in CALLBACKS if cls.__module__.startswith("lightning_viz.callbacks.features")]
"""Those that need no scores."""

OF_FLAT = [lightning_viz.FilterAscent, lightning_viz.FilterWall, lightning_viz.DeepDream]
"""Those that make pictures of their own, and refuse volumes and clips before the first batch."""

OF_VOLUMES = [cls for cls in CALLBACKS if cls not in OF_FLAT]
"""Those that draw volumes and clips too."""

TINY = {
    "ConfusionPanels": {"samples": 24, "segments": 8, "steps": 2},
    "DeepDream": {"octaves": 1, "iterations": 1},
    "FilterActivations": {"channels": 2},
    "FilterAscent": {"channels": 2, "steps": 2},
    "FilterWall": {"channels": 4, "steps": 2, "warm_steps": 1},
    "IntegratedGradients": {"steps": 2},
    "LimePanels": {"samples": 24, "segments": 8, "design": "independent"},
}
"""Settings with which a callback is quick."""


def quick(callback, **options):
    """The callback, or one built on it, on two probes and in settings with which it is quick; failures end the run."""
    tiny = next((TINY[cls.__name__] for cls in callback.__mro__ if cls.__name__ in TINY), {})
    return callback(**{"probes": 2, "on_error": "raise", **tiny, **options})


def telling(cls, note):
    """A class like this one, by its name too, which gives `note` all that it draws."""

    class Telling(cls):
        def draw(self, scene):
            for result in super().draw(scene):
                note(result)
                yield result

    Telling.__name__ = Telling.__qualname__ = cls.__name__
    return Telling
