"""The methods of captum: found by their path, and what is known of each."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from inspect import signature
from typing import Any

_WITHOUT_SIGNS = ("abs", "relu_attributions")
"""Flags of `attribute` that leave no value below zero."""


def find_method(path: str) -> Any:
    """A method's class.

    Args:
        path: Its dotted path, such as `"captum.attr.DeepLift"`.

    Raises:
        ModuleNotFoundError: captum is not installed, or has no such module.
        ValueError: There is no such method, or it is none of its own.
    """
    module, _, name = path.rpartition(".") if isinstance(path, str) else ("", "", "DeepLift")
    if not module:
        raise ValueError(
            f"Expected method= as the dotted path of a class, such as 'captum.attr.{name}', received {path!r}."
        )
    try:
        found = getattr(import_module(module), name, None)
    except ModuleNotFoundError as error:
        mend = "pip install 'lightning-viz[captum]'" if error.name == "captum" else "mend method="
        raise ModuleNotFoundError(f"{path} cannot be imported, {error}: {mend}.") from error
    if not isinstance(found, type) or not hasattr(found, "attribute"):
        known = [key for key, value in vars(import_module(module)).items() if hasattr(value, "attribute")]
        close = get_close_matches(name, known, n=3) or known
        raise ValueError(f"Expected method= as one of {module}: {', '.join(close)}; received {name!r}.")
    if "attribution_method" in signature(found).parameters:
        raise ValueError(
            f"Expected method= that asks a network, received {path!r}, which asks another method: pass that one as "
            "method=, and for noise around it noise={'nt_samples': 10}."
        )
    return found


def has_signs(method: Any, arguments: Mapping[str, Any]) -> bool:
    """Whether values of a method can be below zero, by what it is and how it is called.

    Args:
        method: Its class.
        arguments: Of its `attribute`, and of the noise around it.

    >>> from captum.attr import Saliency
    >>> has_signs(Saliency, {}), has_signs(Saliency, {"abs": False})
    (False, True)
    """
    if arguments.get("nt_type") in ("smoothgrad_sq", "vargrad"):
        return False
    takes = signature(method.attribute).parameters
    return not any(arguments.get(flag, takes[flag].default) for flag in _WITHOUT_SIGNS if flag in takes)
