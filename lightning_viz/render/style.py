"""How matplotlib draws what it draws here."""

from __future__ import annotations

from typing import Any

import matplotlib

_STYLED = ("axes", "figure", "font", "image", "mathtext", "path", "text", "xtick", "ytick")


def plain_style() -> Any:
    """The parameters of matplotlib for a picture that looks the same everywhere."""
    # The user's own style (dark, LaTeX ...) would cost legibility; and class names with a $ are no formulas.
    defaults = {k: v for k, v in matplotlib.rcParamsDefault.items() if k.split(".")[0] in _STYLED}
    return {**defaults, "text.parse_math": False}
