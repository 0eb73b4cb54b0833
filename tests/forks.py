"""Programs that are forks of the tests' process, which is quicker than to import everything anew."""

import gc
import logging
import os
import signal
import sys
import time
import traceback
import warnings

LIMIT = 150
"""After so many seconds a run hangs, and is ended."""


def forked(folder, main, *arguments):
    """Runs a function in a fork of this process.

    Returns:
        The exit code, that of SIGKILL for a run that hung; what the run has printed is in `said.txt` of the folder.
    """
    run = os.fork()
    if run == 0:
        code = 1
        try:
            begin_anew(folder)
            main(*arguments)
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    until = time.monotonic() + LIMIT
    while not (ended := os.waitpid(run, os.WNOHANG))[0]:
        if time.monotonic() > until:
            os.killpg(run, signal.SIGKILL)
        time.sleep(0.02)
    return os.waitstatus_to_exitcode(ended[1])


def begin_anew(folder):
    """Leaves what pytest has made of this process: its session, its output, its log, its warnings."""
    gc.freeze()  # of what there is, the collector then makes no copies
    os.setsid()  # so that all processes of a run end with it
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell in the background has switched off
    os.chdir(folder)
    with open("said.txt", "w") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    sys.stdout, sys.stderr = (os.fdopen(stream, "w", buffering=1) for stream in (1, 2))
    logging.basicConfig(force=True)
    logging.captureWarnings(True)
    warnings.simplefilter("default")
