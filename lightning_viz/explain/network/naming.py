"""Layers by their names."""

from __future__ import annotations

from difflib import get_close_matches

from torch import nn


def find_layer(root: nn.Module, name: str) -> tuple[str, nn.Module]:
    """Finds a layer by its dotted name, or by the end of that name where only one layer ends so.

    Args:
        root: The network.
        name: As in `root.named_modules()`, e.g. `"backbone.layer4.1.conv2"`; `"layer4.1.conv2"` will do if it
            is the only one. Members of a `Sequential` go by their index: `"cnn.15"`.

    Returns:
        The full name and the layer.

    Raises:
        ValueError: If no layer, or more than one, goes by that name.

    >>> find_layer(nn.Sequential(nn.ReLU(), nn.Sequential(nn.Linear(1, 2))), "1.0")
    ('1.0', Linear(in_features=1, out_features=2, bias=True))
    """
    modules = {key: module for key, module in root.named_modules(remove_duplicate=False) if key}
    if name in modules:
        return name, modules[name]
    endings = [key for key in modules if name and key.endswith("." + name)]
    if len({id(modules[key]) for key in endings}) == 1:
        return endings[0], modules[endings[0]]
    if endings:
        raise ValueError(f"Expected layer= as a full name, received {name!r}, which ends several: {_listing(endings)}.")
    raise ValueError(
        f"Expected layer= as a layer of {type(root).__name__}, received {name!r}. {_hint(name, list(modules))}"
    )


def layers_of(root: nn.Module) -> str:
    """The names of a network's layers, as errors list them."""
    return _hint("", [name for name, _ in root.named_modules() if name])


def _hint(name: str, names: list[str]) -> str:
    close = get_close_matches(name, names, n=5, cutoff=0.5)
    return f"Did you mean {_listing(close)}?" if close else f"Its layers: {_listing(names)}."


def _listing(names: list[str], limit: int = 20) -> str:
    more = f" ... ({len(names) - limit} more)" if len(names) > limit else ""
    return (", ".join(map(repr, names[:limit])) or "none") + more
