"""The command line. Results go to stdout, progress and messages to stderr; this room alone prints, but
for the line that `fit` shows in Python (`report.terminal.quiet_line`).

`printing` is where it does. One file a verb, imported when it is called: `convlet --help` waits for nobody's libraries.
Exit codes: 0 done, 1 failed, 2 wrong usage, 130, 143 or 129 stopped by Ctrl-C, SIGTERM or SIGHUP, after saving.
"""

import errno
import logging
import signal
import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

import click

from convlet.cli import speaking
from convlet.cli.printing import prepare_streams, say
from convlet.errors import ConvletError, InputError
from convlet.locale import LANGUAGES
from convlet.report.numbers import visible
from convlet.signals import Stopped, end_process

VERBS = {  # the module `convlet.cli.<verb>` has a command of that name, but for MODULES; this is its help's first line
    "inspect": "What is in a data set, and what is wrong with it.",
    "train": "Train a network and keep everything in a run folder.",
    "evaluate": "How good a run is: accuracy, confusion, worst mistakes.",
    "runs": "All runs and what differs between them; or two, side by side.",
    "report": "One page of a run: verdict, what to fix first, mistakes.",
    "predict": "The class of each image, with probabilities, by a run.",
    "summary": "Layers, shapes, weights, reuse and cost of a network.",
    "look": "Pictures of its kernels, and of an image's way through it.",
    "explore": "Look into a network on a page in your browser.",
    "serve": "Answer images over HTTP with classes and probabilities.",
    "export": "A run as one file: its page, or its network for other tools.",
    "import": "Take in another tool's network, a model.onnx, as a run.",
    "init": "Print the recipe that suits your images, to edit it.",
    "recipe": "Print a recipe to start from, or list them.",
    "compare": "Engine against engine on real images: outputs, gradients, losses.",
    "bench": "Step time against every framework installed here.",
}

MODULES = {"import": "taking_in"}  # where a verb is a word of Python's own


class _Verbs(click.Group):
    """The group that imports a verb when it is called, and turns our errors into one line and an exit code."""

    def main(self, args: Sequence[str] | None = None, *others: Any, **options: Any) -> Any:
        prepare_streams()
        logging.getLogger("matplotlib").setLevel(logging.ERROR)  # its folders and fonts are its own affair
        speaking.begin(sys.argv[1:] if args is None else args)
        return click.Group.main(speaking.spoken(self), args, *others, **options)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return speaking.spoken(_verb(cmd_name)) if cmd_name in VERBS else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section(speaking.say("Commands")):
            formatter.write_dl([(verb, speaking.say(text)) for verb, text in VERBS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except click.ClickException as error:
            error.show(sys.stderr)  # left to itself, click writes UTF-8 on a stream that is ASCII
            ctx.exit(error.exit_code)
        except Stopped as stopped:
            end_process(128 + stopped.signal)
        except KeyboardInterrupt:
            say("Interrupted.")
            end_process(128 + signal.SIGINT)
        except ConvletError as error:
            _fail(error, str(error), 2 if isinstance(error, InputError) else 1)
        except MemoryError as error:
            from convlet.environment import peak_memory_mb  # here, for help needs no arrays

            in_use = f"none is left beside the {peak_memory_mb():,.0f} MB that this command has taken"
            tried = "Try smaller images, or a smaller --batch-size."
            _fail(error, f"not enough memory: {str(error) or in_use}. {tried}")
        except OSError as error:
            if error.errno == errno.EPIPE:  # whoever read our output has left: click ends quietly
                raise
            full = error.errno in (errno.ENOSPC, errno.EDQUOT) and not error.filename  # what has no name is a stream
            _fail(error, f"the output cannot be written: {error.strerror}." if full else str(error))


def _verb(name: str) -> click.Command:
    module = MODULES.get(name, name)
    verb: click.Command = getattr(import_module(f"convlet.cli.{module}"), module)
    return verb


def help_texts() -> list[str]:
    """Every text that a help shows, in English: of all verbs, of the list of them, and click's own."""
    of_verbs = [text for verb in VERBS for text in speaking.texts(_verb(verb))]
    return [*speaking.texts(main), *VERBS.values(), *of_verbs, *speaking.OF_CLICK]


def _fail(error: Exception, message: str, code: int = 1) -> NoReturn:
    """Say what is wrong, and what was noted on its way, such as where the run is saved; end with that exit code."""
    say(" ".join([f"convlet: {message}", *getattr(error, "__notes__", ())]))
    end_process(code)


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="convlet", prog_name="convlet")
@click.option("--lang", type=click.Choice(list(LANGUAGES)), expose_value=False, help="The language of the help.")
def main() -> None:
    """Small convolutional networks: train, look inside, take along."""
    warnings.formatwarning = lambda message, *_, **__: f"convlet: {visible(str(message))}\n"
