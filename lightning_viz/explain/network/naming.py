"""Layers by their names, and those that are taken where no name is given."""

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
        raise ValueError(f"layer={name!r} is ambiguous, pass one of the full names: {_listing(endings)}.")
    raise ValueError(f"{type(root).__name__} has no layer {name!r}. {_hint(name, list(modules))}")


def last_convolution(root: nn.Module) -> str:
    """Names the last convolution in order of registration: two-dimensional if there is any, else 1-d or 3-d.

    Raises:
        ValueError: If the network has none.

    >>> last_convolution(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3), nn.Flatten()))
    '1'
    """
    names = [name for name, module in root.named_modules() if isinstance(module, nn.Conv2d)]
    names = names or [name for name, m in root.named_modules() if isinstance(m, (nn.Conv1d, nn.Conv3d))]
    if not names:
        raise ValueError(
            f"{type(root).__name__} has no convolution to choose by default: pass layer= with the name of a "
            f"layer. {_hint('', [name for name, _ in root.named_modules() if name])}"
        )
    return str(names[-1])


def deep_convolution(root: nn.Module) -> str:
    """Names the convolution two thirds down the network, where it sees parts of things: the last ones see whole images.

    In order of registration, without those of 1 x 1, which mix channels or stand in shortcuts.

    Raises:
        ValueError: If the network has no convolution.

    >>> deep_convolution(nn.Sequential(*[nn.Conv2d(3, 3, 3) for _ in range(5)]))
    '3'
    """
    seeing = [name for name, m in root.named_modules() if isinstance(m, nn.Conv2d) and max(m.kernel_size) > 1]
    return seeing[len(seeing) * 2 // 3] if seeing else last_convolution(root)


def _hint(name: str, names: list[str]) -> str:
    close = get_close_matches(name, names, n=5, cutoff=0.5)
    return f"Did you mean {_listing(close)}?" if close else f"Its layers: {_listing(names)}."


def _listing(names: list[str], limit: int = 20) -> str:
    more = f" ... ({len(names) - limit} more)" if len(names) > limit else ""
    return (", ".join(map(repr, names[:limit])) or "none") + more
