"""Tests go on where nohup wants them to, and what they start hears every signal."""

import os
import signal
import subprocess
import sys

import pytest
from hearing import let_children_hear


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_a_signal_that_is_ignored_here_ends_what_is_started_and_not_the_tests(number):
    before = signal.signal(number, signal.SIG_IGN)
    try:
        let_children_hear()
        os.kill(os.getpid(), number)
        started = subprocess.run([sys.executable, "-c", f"import os; os.kill(os.getpid(), {int(number)})"], check=False)
    finally:
        signal.signal(number, before)
    assert started.returncode == -number
