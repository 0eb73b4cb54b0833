"""Callbacks as they are at run time, for the documentation's reference: with the keywords and lines that they share."""

from __future__ import annotations

import inspect
import re
from textwrap import indent
from typing import Any

import griffe

import lightning_viz


class Signatures(griffe.Extension):
    """Gives every callback the signature and the docstring that it has when it is imported."""

    def on_class_members(self, *, cls: griffe.Class, **_: Any) -> None:
        """Takes them from the class itself, which writes both when it is made."""
        made = getattr(lightning_viz, cls.name, None) if cls.name in lightning_viz.__all__ else None
        if made is None or "__signature__" not in vars(made):
            return
        keywords = [_keyword(one) for one in inspect.signature(made).parameters.values()]
        cls.set_member("__init__", griffe.Function("__init__", parameters=griffe.Parameters(*keywords)))
        cls.docstring = griffe.Docstring(inspect.getdoc(made) or "", parent=cls)

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Takes what a docstring shows at a prompt for examples, with a heading or without."""
        if obj.docstring is not None:
            obj.docstring.value = _with_examples(obj.docstring.value)


def _with_examples(text: str) -> str:
    """A docstring whose session stands below a heading."""
    before, prompt, session = text.partition("\n>>> ")
    return f"{before}\nExamples:\n{indent(f'>>> {session}', '    ')}" if prompt else text


def _keyword(one: inspect.Parameter) -> griffe.Parameter:
    annotation = re.sub(r"\b(?:[a-z_]+\.)+(?=[A-Z])", "", inspect.formatannotation(one.annotation))
    default = None if one.default is one.empty else repr(one.default)
    return griffe.Parameter(one.name, annotation=annotation, kind=griffe.ParameterKind.keyword_only, default=default)
