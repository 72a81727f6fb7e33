"""The words of the page and of the command line, in English and Vietnamese, by gettext.

A text's key is the English text itself, so the code reads as it speaks, and English needs no catalogue to be right.
The catalogues lie beside this file, in <language>/LC_MESSAGES/convlet.po, with their compiled .mo. It is not for
exceptions: those of the library stay English, as everywhere in Python.
"""

from functools import lru_cache
from gettext import GNUTranslations
from importlib import resources

from convlet.checks import one_of

LANGUAGES = {"en": "English", "vi": "Tiếng Việt"}  # each by its own name


@lru_cache(maxsize=len(LANGUAGES))
def translations(language: str) -> GNUTranslations:
    """The catalogue of a language. Raises InputError where there is none."""
    one_of("lang", language, tuple(LANGUAGES))
    path = resources.files("convlet") / "locale" / language / "LC_MESSAGES" / "convlet.mo"
    with path.open("rb") as file:
        return GNUTranslations(file)


def texts(language: str) -> dict[str, str]:
    """Every text of a catalogue that differs from its key, by key."""
    catalogue: dict[object, str] = translations(language)._catalog  # type: ignore[attr-defined]
    return {key: text for key, text in catalogue.items() if isinstance(key, str) and key and text != key}


def preferred(accepted: str) -> str:
    """The best of our languages for an Accept-Language header, such as "vi-VN,vi;q=0.9,en;q=0.8"; else English.

    >>> preferred("fr, vi;q=0.8, en;q=0.5")
    'vi'
    """
    wishes = []
    for place, part in enumerate(accepted.split(",")):
        tag, _, quality = part.strip().partition(";q=")
        try:
            weight = float(quality or 1)
        except ValueError:
            continue
        wishes.append((-weight, place, tag.split("-")[0].lower()))
    return next((tag for weight, _, tag in sorted(wishes) if weight < 0 and tag in LANGUAGES), "en")
