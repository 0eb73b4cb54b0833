"""The page's modules as one: TensorBoard takes a connection for every file, and an exported page has no server."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from lightning_viz.tensorboard.front import ENTRY

IMPORT = re.compile(r"^import (?:(?P<whole>\w+)|\{ (?P<names>[\w, ]+) \}) from '\./(?P<file>\w+\.js)';", re.MULTILINE)
EXPORT = re.compile(
    r"^export (?:default (?P<whole>\w+);|(?P<kind>(?:async )?function|class|const) (?P<name>\w+))", re.MULTILINE
)
OTHER = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)
"""What is left of them where they are written in another way."""


def bundle(files: Mapping[str, Path]) -> str:
    """One module of all that the page is made of, which exports `render`.

    Every module becomes a function that is called once, behind those that it imports. It imports its neighbours by name
    (`import { a, b as c } from './other.js';`), not in a circle, and exports what it declares.

    Args:
        files: The page's files by their names.

    Raises:
        FileNotFoundError: A module is not among them.
        ValueError: One imports or exports in another way, or what is not exported.
    """
    parts: dict[str, str] = {}
    exported: dict[str, dict[str, str]] = {}

    def add(name: str, above: tuple[str, ...]) -> None:
        if name in above:
            raise ValueError(
                f"Expected modules that import each other in no circle, found {' > '.join([*above, name])}."
            )
        if name in parts:
            return
        source = _read(files, name)
        for found in IMPORT.finditer(source):
            add(found["file"], (*above, name))
            wanted = [one.split(" as ")[0].strip() for one in (found["names"] or "default").split(",")]
            if missing := set(wanted) - exported[found["file"]].keys():
                raise ValueError(f"Expected {found['file']} to export what {name} imports, found no {sorted(missing)}.")
        exported[name] = {
            found["name"] or "default": found["name"] or found["whole"] for found in EXPORT.finditer(source)
        }
        parts[name] = _part(name, source, exported[name])

    add(ENTRY, ())
    return "".join([*parts.values(), f"export const {{ render }} = {_variable(ENTRY)};\n"])


def _read(files: Mapping[str, Path], name: str) -> str:
    try:
        return files[name].read_text("utf-8")
    except (KeyError, FileNotFoundError):
        raise FileNotFoundError(
            f"The files of the page are not installed ({name}): pip install --force-reinstall --no-deps lightning-viz"
        ) from None


def _part(name: str, source: str, exported: Mapping[str, str]) -> str:
    gives = ", ".join(f"{outside}: {inside}" for outside, inside in exported.items())
    inner = IMPORT.sub(
        _taken, EXPORT.sub(lambda found: f"{found['kind']} {found['name']}" if found["name"] else "", source)
    )
    if other := OTHER.search(inner):
        raise ValueError(f"Expected named imports and exports alone in {name}, found: {other[0]}")
    return f"// {name}\nconst {_variable(name)} = (() => {{\n{inner}\nreturn {{ {gives} }};\n}})();\n\n"


def _taken(found: re.Match[str]) -> str:
    names = found["names"].replace(" as ", ": ") if found["names"] else f"default: {found['whole']}"
    return f"const {{ {names} }} = {_variable(found['file'])};"


def _variable(name: str) -> str:
    return f"${name.removesuffix('.js')}"
