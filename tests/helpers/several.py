"""Starting several processes of one run, and hearing how each of them ended. Helpers; there are no tests here."""

import os
import random
import socket
import subprocess

from convlet.processes.schedulers import SCHEDULERS

SECONDS = 180  # a process that has not ended by then hangs


def free_port():
    """A port that nobody uses, and that no connection going out will be given either (Linux takes those above)."""
    while True:
        port = random.SystemRandom().randrange(15_000, 30_000)
        try:
            socket.create_server(("127.0.0.1", port)).close()
            return port
        except OSError:
            continue


def without_scheduler(environment=os.environ):
    """An environment in which no scheduler has said who this process is."""
    names = {name for pair in SCHEDULERS for name in pair}
    names |= {"JAX_COORDINATOR_ADDRESS", "MASTER_ADDR", "MASTER_PORT"}
    return {name: value for name, value in environment.items() if name not in names}


def start(command, **environment):
    """A process, started."""
    return subprocess.Popen(
        [str(part) for part in command],
        env={**without_scheduler(), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish_all(*processes):
    """[(exit code, results, messages), …] once all have ended. One that hangs fails the test, with what all said."""
    ended, hangs = [], False
    for process in processes:
        try:
            results, messages = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            hangs = True
            process.kill()
            results, messages = process.communicate()
        ended.append((process.returncode, results, messages))
    assert not hangs, ended
    return ended
