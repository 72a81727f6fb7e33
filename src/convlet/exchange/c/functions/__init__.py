"""The functions in C that headers are made of, and which of them a network needs.

They stand as C in common.c and float32.c, each under a comment, with an empty line between them; NAME is what a
header is called.
"""

import re
from collections.abc import Iterable
from functools import cache
from importlib import resources

DEFINED = re.compile(r"^(?:static inline .*?\bNAME_(\w+)\(|\} NAME_(\w+);)", re.MULTILINE)
NAMED = re.compile(r"\bNAME_(\w+)")


def functions(numbers: str, needed: Iterable[str]) -> str:
    """The text of these functions and types, and of all that they need themselves."""
    known = _functions("common") | _functions(numbers)
    wanted, waiting = set(), list(needed)
    while waiting:
        name = waiting.pop()
        if name not in wanted:
            wanted.add(name)
            waiting += [other for other in NAMED.findall(known[name]) if other in known]
    return "\n\n".join(text for name, text in known.items() if name in wanted)


@cache
def _functions(file: str) -> dict[str, str]:
    """The functions and types in one file, each with its comment, by name."""
    text = (resources.files("convlet.exchange.c.functions") / f"{file}.c").read_text("utf-8")
    found = {}
    for part in text.strip().split("\n\n"):
        for of_function, of_type in DEFINED.findall(part):
            found[of_function or of_type] = part
    return found
