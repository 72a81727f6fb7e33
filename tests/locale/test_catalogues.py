"""The catalogues hold exactly the texts that are used, each translated, and are compiled as they stand."""

import re
import unicodedata
from gettext import GNUTranslations

import pytest

from convlet.locale import LANGUAGES, preferred, texts

pytest.importorskip("babel", reason="reading the catalogues' source needs Babel: make test-page")

import catalogues

PLACES = re.compile(r"\{(\w+)\}")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_in_use_is_in_the_catalogue_and_no_other(language):
    used, there = set(catalogues.used()), set(catalogues.catalogue(language))
    assert used - there == set(), "missing: run `make texts`"
    assert there - used == set(), "not used any more: run `make texts`"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_translated(language):
    assert [text for text, translation in catalogues.catalogue(language).items() if not translation] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_compiled_is_what_is_written(language):
    assert catalogues.path(language, "mo").read_bytes() == catalogues.compiled(language), "stale: run `make texts`"


def test_a_translation_names_the_same_places_as_its_text():
    for text, translation in catalogues.catalogue("vi").items():
        assert sorted(PLACES.findall(text)) == sorted(PLACES.findall(translation)), text


def test_vietnamese_is_in_composed_form_and_says_something_else_than_english():
    vietnamese = catalogues.catalogue("vi")
    assert [text for text in vietnamese.values() if unicodedata.normalize("NFC", text) != text] == []
    same = {text for text, translation in vietnamese.items() if text == translation}
    assert same <= {"beta", "dropout", "softmax"}


def test_vietnamese_has_one_plural_form():
    assert "nplurals=1; plural=0;" in catalogues.path("vi").read_text("utf-8")


def test_a_text_that_nobody_translated_is_noticed(tmp_path, monkeypatch):
    (tmp_path / "explore" / "page").mkdir(parents=True)
    (tmp_path / "explore" / "page" / "new.js").write_text('t("A text that is new");\n')
    monkeypatch.setattr(catalogues, "SOURCE", tmp_path)
    assert catalogues.in_code() == {"A text that is new": {"explore/page/new.js"}}


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "en"),
        ("vi", "vi"),
        ("vi-VN,vi;q=0.9,en;q=0.8", "vi"),
        ("en-GB,en;q=0.9,vi;q=0.8", "en"),
        ("fr;q=0.9, vi;q=0.2", "vi"),
        ("vi;q=0, fr", "en"),
        ("vi;q=much", "en"),
        (";;,,q", "en"),
    ],
)
def test_the_browsers_first_wish_that_we_speak_is_granted(accepted, language):
    assert preferred(accepted) == language


def test_the_page_is_given_what_differs_from_its_keys():
    assert texts("en") == {}
    assert texts("vi")["kernel"] == "hạt nhân"
    with catalogues.path("vi", "mo").open("rb") as file:
        assert GNUTranslations(file).gettext("kernel") == "hạt nhân"
