"""The texts that page and command line use, and the catalogues that hold them: `make texts` brings both together.

Texts of the page stand in the code as t("…") and later("…"); those of the command line are its help, as it is defined.
A text that is new has an empty translation afterwards, which a test finds; one that is not used any more is gone.
"""

import io
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from convlet.cli import help_texts

SOURCE = Path(__file__).parents[2] / "src" / "convlet"
METHODS = [("**.py", "python"), ("explore/page/**.js", "javascript")]
KEYWORDS = {"t": None, "later": None, "_": None}
HEADER = """\
# The words of convlet's page and command line. `make texts` keeps this file in order.
msgid ""
msgstr ""
"Language: {language}\\n"
"Plural-Forms: {plural}\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"

"""
PLURAL = {"en": "nplurals=2; plural=(n != 1);", "vi": "nplurals=1; plural=0;"}


def used():
    """Every text of the page and of the command line's help: {text: the files it stands in}."""
    return in_code() | {text: {"cli"} for text in help_texts()}


def in_code():
    """Every text that is marked in the code: {text: the files it stands in}."""
    found = {}
    for file, _, text, _, _ in extract_from_dir(SOURCE, METHODS, keywords=KEYWORDS):
        found.setdefault(text, set()).add(file)
    return found


def path(language, ending="po"):
    return SOURCE / "locale" / language / "LC_MESSAGES" / f"convlet.{ending}"


def catalogue(language):
    """The translations as they stand in the .po: {text: translation}."""
    with path(language).open("rb") as file:
        return {message.id: message.string for message in read_po(file, locale=language) if message.id}


def compiled(language):
    """The bytes of the .mo that belongs to the .po, the same ever after: without the minute of their making."""
    with path(language).open("rb") as file:
        made = read_po(file, locale=language)
    made.creation_date = made.revision_date = datetime(2000, 1, 1, tzinfo=UTC)
    content = io.BytesIO()
    write_mo(content, made)
    return content.getvalue()


def write(language, translations):
    """Write both files of a language."""
    made = Catalog(locale=language)
    for text, translation in translations.items():
        made.add(text, translation)
    content = io.BytesIO()
    write_po(content, made, width=118, omit_header=True, sort_output=True)
    header = HEADER.format(language=language, plural=PLURAL[language])
    path(language).write_text(header + content.getvalue().decode(), "utf-8")
    path(language, "mo").write_bytes(compiled(language))


if __name__ == "__main__":
    for each in PLURAL:
        before = catalogue(each)
        write(each, {text: before.get(text, "") or (text if each == "en" else "") for text in used()})
