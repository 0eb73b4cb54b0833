"""Programs that are started often: one process imports everything, and each run is a fork of it.

A run is a program of its own in what tests look at: arguments, folder, session, signals, output, exit code.
"""

import gc
import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager

LIMIT = 150
"""After so many seconds a run hangs, and is ended."""


def served():
    """The arguments of a run, in its fork: what a program calls that was started without any.

    Returns:
        The arguments; none in the process that has served all there were.
    """
    gc.collect()
    gc.freeze()  # of which no fork's collector then makes copies
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            os.setsid()  # so that all its processes end with it
            signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell in the background has switched off
            folder, arguments = json.loads(line)
            os.chdir(folder)
            for name, stream in (("out.txt", sys.stdout), ("said.txt", sys.stderr)):
                with open(name, "w") as file:
                    os.dup2(file.fileno(), stream.fileno())
            return arguments
        signal.signal(signal.SIGALRM, lambda *_, group=pid: os.killpg(group, signal.SIGKILL))
        signal.alarm(LIMIT)
        _, status = os.waitpid(pid, 0)
        signal.alarm(0)
        print(os.waitstatus_to_exitcode(status), flush=True)
    return []


@contextmanager
def serving(program, inside=()):
    """Starts a program that calls `served`; gives a function that runs it with arguments in a folder.

    `inside` is what it is started with that narrows what it may do.

    The function returns the exit code, that of SIGKILL for a run that hung; what the run has printed is in `out.txt`
    and `said.txt` of the folder.
    """
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([*inside, sys.executable, program], env=environment, text=True, **pipes) as process:

        def run(folder, *arguments):
            print(json.dumps([str(folder), list(map(str, arguments))]), file=process.stdin, flush=True)
            return int(process.stdout.readline())

        yield run
