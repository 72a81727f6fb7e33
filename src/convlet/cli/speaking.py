"""The language of the help: the reader's, by the catalogues that the page has too.

A help text stands in English where its command is defined, as in any program with click; it is the key under which its
translation is found when the help is shown. click's own words go the same way: its gettext looks into our catalogue.
Messages and errors are not its matter: they stay English, as everywhere in Python.
"""

import gettext
import os
from collections.abc import Sequence
from copy import copy
from pathlib import Path
from typing import TypeVar

import click

Spoken = TypeVar("Spoken", bound=click.Command)

DOMAIN = "convlet"
CATALOGUES = Path(__file__).parents[1] / "locale"


def later(text: str) -> str:
    """Mark a text for the catalogue, and leave it as it is."""
    return text


OF_CLICK = (
    later("Usage:"),
    later("Options"),
    later("Commands"),
    later("default: {default}"),
    later("Show this message and exit."),
    later("Show the version and exit."),
)


def begin(arguments: Sequence[str]) -> None:
    """From now on, speak the language that --lang asks for before the verb; else what LANGUAGE or LANG say."""
    gettext.bindtextdomain(DOMAIN, str(CATALOGUES))
    gettext.textdomain(DOMAIN)
    asked = _asked(arguments)
    if asked is not None:
        os.environ["LANGUAGE"] = asked


def _asked(arguments: Sequence[str]) -> str | None:
    """What --lang is given, wherever it stands among the options before the verb: --help may come first."""
    for place, argument in enumerate(arguments):
        if argument == "--lang":
            return next(iter(arguments[place + 1 :]), None)
        if argument.startswith("--lang="):
            return argument.partition("=")[2]
        if not argument.startswith("-"):
            return None
    return None


def say(text: str) -> str:
    """A help text in the reader's language."""
    return gettext.gettext(text) if text else ""  # the catalogue has its own description under ""


def paragraphs(command: click.Command) -> list[str]:
    """The paragraphs of a command's help, each as one line."""
    return [" ".join(paragraph.split()) for paragraph in (command.help or "").split("\n\n")]


def spoken(command: Spoken) -> Spoken:
    """A copy of a command whose help is in the reader's language."""
    other = copy(command)
    other.help = "\n\n".join(map(say, paragraphs(command)))
    other.params = [copy(param) for param in command.params]
    for param in other.params:
        if isinstance(param, click.Option) and param.help:
            param.help = say(param.help)
    return other


def texts(command: click.Command) -> list[str]:
    """Every text of a command's help, in English."""
    options = [param.help for param in command.params if isinstance(param, click.Option) and param.help]
    return [*paragraphs(command), *options]
