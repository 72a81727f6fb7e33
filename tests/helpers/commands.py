"""Commands in this process, and what has to be true of each, whatever it does. Helpers; there are no tests here."""

from click.testing import CliRunner

from convlet.cli import main

RECIPE = """
data = {{ source = "{source}" }}
network = {{ input_shape = {shape}, layers = [{{ type = "Flatten" }}, {{ type = "Dense", units = {units} }}] }}
optimizer = {{ type = "Adam", learning_rate = 0.003 }}
training = {{ batch_size = {batch}, steps = {steps} }}
"""


def convlet(*arguments, code=0, answers=False, language="en"):
    """The result of a command, which ended with that exit code and without a trace.

    With a code that is not 0 it has no result on stdout, but where `answers` says that it has one in part.
    """
    result = CliRunner(env={"LANGUAGE": language}).invoke(main, [str(argument) for argument in arguments])
    assert "Traceback" not in result.stderr and "Warning" not in result.stderr
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    assert result.exit_code == code, (result.stdout, result.stderr)
    if code and not answers:
        assert result.stdout == ""
    return result


def refused(*arguments, says, code=2):
    """A command that is refused: one message on stderr, which says so, and the exit code."""
    result = convlet(*arguments, code=code)
    assert says in result.stderr
    usage = result.stderr.startswith("Usage: ")  # what click refuses has three lines more
    assert result.stderr.count("\n") == (4 if usage else 1), result.stderr
    assert usage or result.stderr.startswith("convlet: ")
    return result
