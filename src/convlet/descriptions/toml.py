"""TOML as people write it: a section for each table of the outermost one, a line for each key, and one for each layer.

What it is not: a reader, which Python has; or for all of TOML: it knows texts, numbers, true and false, lists, tables.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

INDENT = "    "


def to_toml(table: Mapping[str, Any]) -> str:
    """The table as TOML text. Raises TypeError for a value that is none of those.

    >>> print(to_toml({"name": "a", "data": {"source": "b", "size": [2, 3]}, "rows": [{"x": 1.5, "on": True}]}), end="")
    name = "a"
    rows = [
        { x = 1.5, on = true },
    ]
    <BLANKLINE>
    [data]
    source = "b"
    size = [2, 3]
    """
    own = {key: value for key, value in table.items() if not isinstance(value, Mapping)}
    sections = {key: value for key, value in table.items() if isinstance(value, Mapping)}
    blocks = [_lines(own), *(f"[{_key(name)}]\n{_lines(section)}" for name, section in sections.items())]
    return "\n".join(filter(None, blocks))


def _lines(table: Mapping[str, Any]) -> str:
    return "".join(f"{_key(key)} = {_value(value, '')}\n" for key, value in table.items())


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else _text(key)


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _lines_of(text: str) -> str:
    """A text of several lines, as it stands."""
    return '"""\n' + "\n".join(_text(line)[1:-1] for line in text.split("\n")) + '"""'


def _value(value: Any, indent: str) -> str:
    """A value in one line; but a list of tables has a line for each."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return _lines_of(value) if "\n" in value else _text(value)
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, Mapping):
        inside = ", ".join(f"{_key(key)} = {_value(part, indent)}" for key, part in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    if not isinstance(value, list | tuple):
        raise TypeError(f"{type(value).__name__} has no form in TOML")
    if not any(isinstance(part, Mapping) for part in value):
        return "[" + ", ".join(_value(part, indent) for part in value) + "]"
    deeper = indent + INDENT
    rows = "".join(f"{deeper}{_value(part, deeper)},\n" for part in value)
    return f"[\n{rows}{indent}]"
