"""Checks of single arguments, each with an error that names the argument, its value and what is allowed."""

import math
import re
from collections.abc import Callable, Collection
from functools import wraps
from numbers import Integral, Real
from typing import ParamSpec, TypeVar

from convlet.errors import InputError

Pair = tuple[int, int]
P = ParamSpec("P")
T = TypeVar("T")


def whole_number(name: str, value: object, *, at_least: int = 1, at_most: float = math.inf) -> int:
    """The value as an int, if it is a whole number that is large enough, and not too large.

    >>> whole_number("filters", 32)
    32
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or not at_least <= int(value) <= at_most:
        most = f", at most {at_most:g}" if at_most < math.inf else ""
        raise InputError(f"{name}={value!r}: expected a whole number of at least {at_least}{most}.")
    return int(value)


def number(
    name: str, value: object, *, low: float = -math.inf, high: float = math.inf, open_low: bool = False
) -> float:
    """The value as a float in [low, high), or in (low, high) where `open_low`."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise InputError(f"{name}={value!r}: expected a number.")
    try:
        checked = float(value)
    except OverflowError:  # a whole number beyond 1e308, which TOML and JSON can hold
        checked = math.inf
    inside = (low < checked if open_low else low <= checked) and checked < high
    if not (inside and math.isfinite(checked)):
        bounds = [f"{'more than' if open_low else 'at least'} {low:g}"] if low > -math.inf else []
        bounds += [f"less than {high:g}"] if high < math.inf else []
        raise InputError(f"{name}={value!r}: expected a finite number {' and '.join(bounds)}".rstrip() + ".")
    return checked


def duration(name: str, value: object) -> float:
    """Seconds, more than 0: a number of them, or a text with units, hours, minutes and seconds.

    >>> duration("time_limit", "5m"), duration("time_limit", "1h 30m"), duration("time_limit", 90)
    (300.0, 5400.0, 90.0)
    """
    if isinstance(value, str):
        said = value.strip()
        found = re.fullmatch(r"(?:([\d.]+)\s*h)?\s*(?:([\d.]+)\s*m(?:in)?)?\s*(?:([\d.]+)\s*s?)?", said)
        try:
            parts = [float(part or 0) for part in found.groups()] if found else []
        except ValueError:  # more than one point
            parts = []
        if not any(parts):
            raise InputError(f"{name}={value!r}: expected a time of more than 0, such as 90s, 5m or 1h30m.")
        if re.search(r"[hm].*[\d.]$", said):  # 1h30: to many people 90 minutes
            meant = f"{said}s" if "m" in said else f"{said}m or {said}s"
            raise InputError(f"{name}={value!r}: expected a unit behind its last number; write {meant}.")
        return number(name, 3600 * parts[0] + 60 * parts[1] + parts[2], low=0, open_low=True)
    return number(name, value, low=0, open_low=True)


def true_or_false(name: str, value: object) -> bool:
    """The value, if it is True or False: a text such as "no" would count as true."""
    if not isinstance(value, bool):
        from numpy import bool_  # here: command-line help, which checks its language, waits for no arrays

        if not isinstance(value, bool_):
            raise InputError(f"{name}={value!r}: expected True or False.")
    return bool(value)


def pair(name: str, value: object) -> Pair:
    """One canonical form: a whole number n means (n, n); two of them stay as they are: (rows, columns).

    >>> pair("kernel_size", 5)
    (5, 5)
    """
    values = list(value) if isinstance(value, tuple | list) else [value, value]
    try:
        rows, columns = (whole_number(name, part) for part in values)
    except (InputError, ValueError):
        expected = "a whole number of at least 1, or two of them: (rows, columns)"
        raise InputError(f"{name}={value!r}: expected {expected}.") from None
    return rows, columns


def one_of(name: str, value: object, allowed: Collection[str | None]) -> None:
    """Raise an InputError unless the value is among those allowed; a near miss is named."""
    if value not in allowed:
        raise InputError(f"{name}={value!r}: expected one of {listed(allowed)}.{nearest(value, allowed)}")


def listed(names: Collection[str | None]) -> str:
    """The names in quotes, separated by commas."""
    return ", ".join("none" if name is None else repr(name) for name in names)


def nearest(value: object, allowed: Collection[str | None]) -> str:
    """A sentence that proposes the nearest allowed name, or nothing.

    >>> nearest("filtres", ["filters", "padding"])
    " Did you mean 'filters'?"
    """
    from difflib import get_close_matches  # only what goes wrong has to wait for it

    spellings = {name.lower(): name for name in allowed if name is not None}
    close = get_close_matches(str(value).lower(), spellings, n=1)
    return f" Did you mean {spellings[close[0]]!r}?" if close else ""


def other_words(**ours: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """A function that, given a word of another library, raises a TypeError with what to write here in its place."""

    def hinting(function: Callable[P, T]) -> Callable[P, T]:
        @wraps(function)
        def hinted(*arguments: P.args, **options: P.kwargs) -> T:
            if foreign := next((word for word in options if word in ours), None):
                raise TypeError(f"{foreign}=: no argument of {function.__name__}; it is written {ours[foreign]} here.")
            return function(*arguments, **options)

        return hinted

    return hinting


Shape = tuple[int, ...]
