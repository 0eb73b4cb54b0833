"""The lowest versions that pyproject.toml allows, as constraints for pip: `python .ci/lowest.py`."""

import re
from pathlib import Path

import tomllib

project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
extras = project["optional-dependencies"]
for requirement in [*project["dependencies"], *extras["captum"], *extras["cli"]]:
    print(re.sub(r"(\[.*\])?>=([^,]+).*", r"==\2", requirement))
print("rich<14.1")  # the newest that the progress bar of Lightning 2.5 knows
