"""The help of every command, in English and in Vietnamese."""

import importlib

import click
import commands
import pytest

from convlet import cli
from convlet.cli import speaking
from convlet.locale import texts


def verb(name):
    module = cli.MODULES.get(name, name)
    return getattr(importlib.import_module(f"convlet.cli.{module}"), module)


def said(text):
    """The text without its line breaks."""
    return " ".join(text.split())


@pytest.mark.parametrize("name", cli.VERBS)
def test_every_option_says_what_it_is_for(name):
    options = [param for param in verb(name).params if isinstance(param, click.Option)]
    assert [option.name for option in options if not option.help] == []


@pytest.mark.parametrize("name", cli.VERBS)
def test_a_verbs_help_is_vietnamese_in_every_text(name):
    vietnamese = texts("vi")
    shown = said(commands.convlet(name, "--help", language="vi").stdout)
    english = speaking.texts(verb(name))
    assert [text for text in english if text not in vietnamese] == [], "run `make texts`, and translate these"
    assert [text for text in english if vietnamese[text] not in shown or text in shown] == []
    assert "Cách dùng:" in shown and "Các tùy chọn:" in shown and "Hiện phần trợ giúp này rồi thoát." in shown


def test_the_list_of_verbs_is_vietnamese_too():
    vietnamese = texts("vi")
    shown = said(commands.convlet("--help", language="vi").stdout)
    assert all(said(vietnamese[text]) in shown for text in [*cli.VERBS.values(), "Show the version and exit."])


@pytest.mark.parametrize(
    "arguments", [["--lang", "vi", "--help"], ["--help", "--lang", "vi"], ["--lang=vi", "train", "--help"]]
)
def test_the_language_is_asked_for_before_or_after_the_help(arguments):
    assert commands.convlet(*arguments).stdout.startswith("Cách dùng:")
    assert commands.convlet("--help").stdout.startswith("Usage:")  # and not for ever


def test_what_stands_behind_the_verb_is_the_verbs_own():
    assert commands.convlet("explore", "--lang", "vi", "--help").stdout.startswith("Usage:")


@pytest.mark.parametrize(
    ("variable", "value", "first"),
    [("LANG", "vi_VN.UTF-8", "Cách dùng:"), ("LC_ALL", "vi_VN", "Cách dùng:"), ("LANG", "fr_FR.UTF-8", "Usage:")],
)
def test_the_systems_language_is_spoken_where_there_is_a_catalogue(monkeypatch, variable, value, first):
    for each in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(each, raising=False)
    monkeypatch.setenv(variable, value)
    assert commands.convlet("--help", language=None).stdout.startswith(first)


def test_another_language_is_refused():
    commands.refused("--lang", "de", "recipe", says="'de' is not one of 'en', 'vi'")


def test_no_words_are_no_words_in_any_language():
    assert speaking.say("") == ""
