"""Run a command for make: one that Ctrl-C stopped, and that ended in order with 130, is no error to report.

make writes `*** Error 130` under whatever ends so. Here make is interrupted instead: it says nothing, and whoever
called it sees 130 all the same.
"""

import os
import signal
import subprocess
import sys


def main() -> None:
    """Ctrl-C reaches the command from the terminal, SIGTERM from here: make sends it to this process alone."""
    signal.signal(signal.SIGINT, lambda *_: None)
    command = subprocess.Popen(sys.argv[1:])
    signal.signal(signal.SIGTERM, lambda *_: command.send_signal(signal.SIGTERM))
    code = command.wait()
    if code == 128 + signal.SIGINT:
        os.kill(os.getppid(), signal.SIGINT)
        code = 0
    sys.exit(code)


if __name__ == "__main__":
    main()
