"""`python -m benchmarks`: prints a table for each group, in markdown."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import fields
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import torch

from benchmarks import (
    ascent,
    attention,
    background,
    dream,
    gradients,
    lime,
    measures,
    memory,
    pictures,
    ranks,
    training,
)
from benchmarks.measure import table
from benchmarks.network import Settings

GROUPS: dict[str, ModuleType] = {
    "gradients": gradients,
    "attention": attention,
    "lime": lime,
    "ascent": ascent,
    "dream": dream,
    "training": training,
    "measures": measures,
    "pictures": pictures,
    "memory": memory,
    "ranks": ranks,
    "background": background,
}
"""Modules with `lines(settings)`, by the name of their group, in the order of the table."""

HEAVY = {"memory"}
"""Groups that take minutes, and are measured only where they are asked for."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures and prints.

    Args:
        arguments: Those of the command line by default.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="What a drawing costs, as ratios.")
    for field in fields(Settings):
        parser.add_argument(f"--{field.name}", type=int, default=field.default)
    usual = [name for name in GROUPS if name not in HEAVY]
    parser.add_argument("--only", choices=GROUPS, nargs="+", default=usual, help="measure these groups alone")
    given = vars(parser.parse_args(arguments))
    groups = given.pop("only")
    settings = Settings(**given)
    print(f"{machine()}\nhomework 3's network, {settings.size} px, width {settings.width}\n", flush=True)
    for name in groups:  # a table each as soon as it is measured, so that what fails later takes nothing along
        print(f"measuring {name} ...", file=sys.stderr)
        print(table(GROUPS[name].lines(settings)), end="\n\n", flush=True)


def machine() -> str:
    """Processor, cores, threads and versions."""
    packages = ("torch", "pytorch-lightning", "captum", "lime", "lightning-viz")
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    cores = f"{os.cpu_count()} cores, {torch.get_num_threads()} threads"
    return f"{processor()}, {cores}; python {platform.python_version()}, {versions}"


def processor() -> str:
    """The processor's name, as far as the system tells it."""
    info = Path("/proc/cpuinfo")
    names = [line for line in info.read_text().splitlines() if line.startswith("model name")] if info.exists() else []
    return names[0].partition(":")[2].strip() if names else platform.processor() or platform.machine()


if __name__ == "__main__":
    main()
