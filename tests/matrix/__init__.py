"""Neutrality: every way to train, once without any callback and once with all of them; both must end bit for bit alike.

`python -m tests.matrix`, from the root of the repository, runs all of it and prints the table.
"""

import sys
from pathlib import Path

_TESTS = str(Path(__file__).resolve().parents[1])
if _TESTS not in sys.path:  # pytest has put it there already
    sys.path.insert(0, _TESTS)
