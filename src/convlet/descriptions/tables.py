"""Frozen dataclasses to plain tables and back: how descriptions are written down, and why a key is refused.

A table is what TOML and JSON hold: text, numbers, true or false, lists and tables. `{"type": "Dense", "units": 10}`
stands for `Dense(units=10)`. Fields at their default are left out. This module knows the fields of a dataclass and
nothing of what they mean: each class checks its own values.
"""

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any

from convlet.checks import listed, nearest
from convlet.errors import InputError, RecipeError

Table = dict[str, Any]
Kinds = Mapping[str, type]


def kinds(*classes: type) -> dict[str, type]:
    """The classes by name, as `from_table` takes them."""
    return {cls.__name__: cls for cls in classes}


def set_canonical(description: Any, **values: object) -> None:
    """Replace what the caller wrote by its canonical form (a frozen dataclass has no other way)."""
    for name, value in values.items():
        object.__setattr__(description, name, value)


def _default(item: "Field[Any]") -> Any:
    return item.default_factory() if item.default_factory is not MISSING else item.default


def to_table(description: Any) -> Table:
    """A dataclass instance as a table with its `type`, without the fields that are at their default."""
    table: Table = {"type": type(description).__name__}
    for item in fields(description):
        value = _plain(getattr(description, item.name))
        if value != _plain(_default(item)):
            table[item.name] = value
    return table


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return to_table(value)
    if isinstance(value, tuple):
        if any(is_dataclass(part) for part in value):
            return [_plain(part) for part in value]
        nested = any(isinstance(part, tuple) for part in value)
        if len(set(value)) == 1 and not nested:
            return value[0]  # (5, 5) is written as 5
        return [list(part) if isinstance(part, tuple) else part for part in value]
    return value


def from_table(table: object, allowed: Kinds, where: str, inside: Mapping[str, Kinds] | None = None) -> Any:
    """The dataclass instance that a table stands for.

    `allowed` holds every class the table may name, and `inside`, by key, those that a table in it, or a list of tables,
    may; `where` is the table's place, for messages.
    Raises RecipeError for an unknown type or key (with the nearest known one), a missing key, or a refused value.
    """
    if not isinstance(table, Mapping):
        raise RecipeError(f"{where}: expected a table with a 'type', not {table!r}.")
    if "type" not in table:
        raise RecipeError(f"{where}: 'type' is missing; expected one of {listed(list(allowed))}.")
    kind = table["type"]
    if not isinstance(kind, str) or kind not in allowed:
        hint = nearest(kind, list(allowed))
        raise RecipeError(f"{where}: unknown type {kind!r}; expected one of {listed(list(allowed))}.{hint}")
    known = {item.name for item in fields(allowed[kind])}
    arguments = {
        key: _part(value, inside[key], f"{where}.{key}", inside) if inside and key in inside and key in known else value
        for key, value in table.items()
        if key != "type"
    }
    return build(allowed[kind], arguments, where)


def _part(value: object, allowed: Kinds, where: str, inside: Mapping[str, Kinds]) -> Any:
    """What a value in a table stands for: a table for one instance, a list of them for as many; else itself."""
    if isinstance(value, list) and all(isinstance(row, Mapping) for row in value):
        return [from_table(row, allowed, f"{where}[{i}]", inside) for i, row in enumerate(value)]
    return from_table(value, allowed, where, inside) if isinstance(value, Mapping) else value


def build(cls: type, arguments: Mapping[str, Any], where: str) -> Any:
    """`cls(**arguments)`, with every refusal as a RecipeError that says where it stands."""
    known = {item.name: item for item in fields(cls)}
    for key in arguments:
        if key not in known:
            hint, names = nearest(key, list(known)), listed(list(known)) or "no keys"
            raise RecipeError(f"{where}: unknown key {key!r}.{hint} {cls.__name__} knows {names}.")
    for name, item in known.items():
        if name not in arguments and _default(item) is MISSING:
            raise RecipeError(f"{where}: {name!r} is missing; {cls.__name__} needs it.")
    try:
        return cls(**arguments)
    except InputError as error:
        raise RecipeError(f"{where}: {error}") from None
