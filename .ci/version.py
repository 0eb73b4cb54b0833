"""Prints the version, from the one place where it is written; CITATION.cff and CHANGELOG must name it too."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
(version,) = re.findall(r'^__version__ = "(.+)"$', (ROOT / "lightning_viz/__init__.py").read_text(), re.MULTILINE)
for name, line in (("CITATION.cff", f"version: {version}\n"), ("CHANGELOG.md", f"## [{version}] - 2")):
    if line not in (ROOT / name).read_text():
        sys.exit(
            f"Expected {line.strip()!r} in {name}: mend it before the release (a changelog's version has its date)."
        )
print(version)
