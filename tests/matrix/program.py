"""One run of one row as a program of its own, which the Trainer may start again for its other processes.

Every process writes its outcome to the folder: `python -m tests.matrix.program "plain" with cpu FOLDER`.
"""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path

from .callbacks import everything
from .configuration import Configuration
from .outcome import Outcome, load, run
from .quietly import quietly
from .table import ROWS

ROOT = Path(__file__).parents[2]


class ProgramError(RuntimeError):
    """The program failed or hung."""


def run_program(
    name: str, folder: Path, *, drawing: bool, accelerator: str, guard: bool = False, limit: float = 180
) -> list[Outcome]:
    """Runs a row as a program.

    Args:
        name: Of the row.
        folder: For its log, its output and its outcomes.
        drawing: Whether all callbacks are on.
        accelerator: `"cpu"` or `"gpu"`.
        guard: Whether the network cannot be copied.
        limit: Seconds after which it counts as hung.

    Returns:
        The outcome of each of its processes.

    Raises:
        ProgramError: It failed, or did not end in time.
    """
    folder.mkdir(parents=True, exist_ok=True)
    command = [
        sys.executable,
        "-m",
        "tests.matrix.program",
        name,
        "with" if drawing else "without",
        accelerator,
        str(folder),
        *["guard"] * guard,
    ]
    output = folder / "output.txt"
    with output.open("w") as stream:
        # A session of its own, so that nothing that it started outlives it.
        process = subprocess.Popen(command, stdout=stream, stderr=subprocess.STDOUT, cwd=ROOT, start_new_session=True)
        try:
            process.wait(limit)
        except subprocess.TimeoutExpired:
            raise ProgramError(f"hung for {limit} s") from None
        finally:
            _end(process)
    if process.returncode:
        raise ProgramError(_last_error(output.read_text()))
    return [load(path) for path in sorted(folder.glob("outcome_*.json"))]


def _end(process: "subprocess.Popen[bytes]") -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _last_error(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if "Error" in line.split(":")[0]]
    return (errors or lines or ["ended without a word"])[-1]


def main(name: str, drawing: str, accelerator: str, folder: str, guard: str = "") -> None:
    """One process."""
    quietly()
    configuration: Configuration = ROWS[name]
    tried = (
        partial(everything, attends=configuration.attends, background=configuration.background)
        if drawing == "with"
        else list
    )
    outcome = run(configuration, Path(folder) / "log", tried, accelerator, guard=bool(guard))
    outcome.save(Path(folder) / f"outcome_{os.environ.get('LOCAL_RANK', 0)}.json")


if __name__ == "__main__":
    main(*sys.argv[1:])
