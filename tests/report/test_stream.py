"""What is only shown never fails."""

import errno
import io
import sys

import pytest
import tiny
from rich.console import Console

from convlet.report.terminal.quiet_line import QuietLine
from convlet.report.terminal.stream import Unfailing


class Broken(io.StringIO):
    """A stream that fails whatever it is asked for."""

    def fail(self, *arguments):
        raise self.error

    write = flush = isatty = fail


@pytest.mark.parametrize("error", [BrokenPipeError(errno.EPIPE, "x"), OSError(errno.ENOSPC, "x"), ValueError("closed")])
def test_what_cannot_be_written_is_lost_and_nobody_is_stopped(error, capsys):
    broken = Broken()
    broken.error = error
    stream = Unfailing(broken)
    assert stream.write("something") == 9
    stream.flush()
    assert stream.isatty() is False
    console = Console(file=stream)
    console.print("progress")
    with console.status("compiling"):
        console.print("[bold]more[/]")
    print("stdout still works")  # noqa: T201 (rich, left to itself, answers a closed pipe by closing stdout)
    assert capsys.readouterr().out == "stdout still works\n"


def test_what_can_be_written_is_and_the_stream_is_otherwise_itself():
    inner = io.StringIO()
    stream = Unfailing(inner)
    stream.write("something")
    assert inner.getvalue() == stream.getvalue() == "something"


def test_a_stream_that_was_closed_before_the_start_takes_everything():
    stream = Unfailing(None)
    assert stream.write("something") == 9 and stream.isatty() is False
    stream.close()


class OnlyWrites:
    """As some put in the place of stderr: a logger's, a window's."""

    def write(self, text):
        return len(text)


@pytest.mark.parametrize("stream", [None, OnlyWrites()])
def test_a_process_without_a_stderr_or_with_a_bare_one_trains(stream, monkeypatch):
    monkeypatch.setattr(sys, "stderr", stream)
    with QuietLine(tiny.dataset()) as line:
        line.say("From the weights of a run in memory.")
