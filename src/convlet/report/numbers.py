"""How a number is written, everywhere the same."""

import math
from collections.abc import Sequence

PREFIXES = ("", "k", "M", "G", "T", "P")
NOT_MEASURED = "–"
NEARLY_NOTHING = 1e-12


def count(number: int) -> str:
    """Every digit, in threes.

    >>> count(3274634)
    '3,274,634'
    """
    return f"{number:,}"


def short(number: float) -> str:
    """Three digits and a prefix.

    >>> short(13883904), short(10240), short(832)
    ('13.9 M', '10.2 k', '832')
    """
    return _scaled(number).rstrip()


def size(number: int) -> str:
    """Bytes, in powers of 1,000.

    >>> size(39295608), size(40)
    ('39.3 MB', '40 B')
    """
    return f"{_scaled(number)}B"


def _scaled(number: float) -> str:
    prefixes = iter(PREFIXES)
    prefix = next(prefixes)
    while number >= 999.5 and prefix != PREFIXES[-1]:
        number, prefix = number / 1000, next(prefixes)
    digits = 0 if number >= 99.95 or not prefix else 1 if number >= 9.995 else 2
    return f"{number:.{digits}f} {prefix}"


def ratio(number: float) -> str:
    """A ratio: three digits where it is small, every digit before the point where it is large.

    >>> ratio(59.5388), ratio(1847.3), ratio(0.0198)
    ('59.5', '1,847', '0.0198')
    """
    if number >= 99.95:
        return f"{number:,.0f}"
    return f"{number:.1f}" if number >= 9.995 else f"{number:.3g}"


def percent(share: float, digits: int = 1) -> str:
    """A share of 1 as per cent; only exactly all is 100, only exactly none is 0.

    >>> percent(0.9831), percent(0.99999), percent(1.0), percent(float("nan"))
    ('98.3 %', '> 99.9 %', '100.0 %', '–')
    """
    if math.isnan(share):
        return NOT_MEASURED
    smallest = 10.0**-digits
    text = f"{100 * share:.{digits}f}"
    if share < 1 and float(text) >= 100:
        return f"> {100 - smallest:.{digits}f} %"
    if share > 0 and float(text) == 0:
        return f"< {smallest:.{digits}f} %"
    return f"{text} %"


def probability(share: float, digits: int = 1) -> str:
    """A class's probability as per cent: softmax is never quite all or nothing, though a float may be.

    >>> probability(1.0), probability(0.5, 0), probability(0.0)
    ('> 99.9 %', '50 %', '< 0.1 %')
    """
    return percent(min(max(share, NEARLY_NOTHING), 1 - NEARLY_NOTHING), digits)


def epochs(number: float) -> str:
    """How many epochs have passed: three digits, or every digit before the point.

    >>> epochs(2.3999), epochs(12.0), epochs(1234.4)
    ('2.4', '12', '1,234')
    """
    return f"{number:.3g}" if number < 999.5 else f"{number:,.0f}"


def duration(seconds: float) -> str:
    """A time, in the two units that matter.

    >>> duration(0.0123), duration(9.46), duration(123), duration(7384)
    ('12 ms', '9.5 s', '2 min 03 s', '2 h 03 min')
    """
    if not math.isfinite(seconds):
        return NOT_MEASURED
    if seconds < 0.9995:
        return f"{1000 * seconds:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, part = divmod(round(seconds / 60), 60)
    return f"{minutes} min {rest:02d} s" if seconds < 3599.5 else f"{hours} h {part:02d} min"


def shape(sizes: Sequence[int]) -> str:
    """The sizes of an array.

    >>> shape((28, 28, 32))
    '28 × 28 × 32'
    """
    return " × ".join(map(str, sizes))


def visible(text: str) -> str:
    """A text of somebody else's, a file's name above all, as it can be shown: in one line, and harmless to a terminal.

    >>> visible("runs/\x1b[31mred")
    'runs/?[31mred'
    """
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def ending(path: str, longest: int) -> str:
    """A path's end, which tells files apart; control characters as `visible` shows them.

    >>> ending("photos/ant/img_012.png", 12)
    '…img_012.png'
    """
    path = visible(path)
    return path if len(path) <= longest else f"…{path[1 - longest :]}"


def label(name: str, longest: int = 24) -> str:
    """A class's name as it can be shown: one line, nothing invisible, not too long.

    >>> label("áo thun"), label("a name without an end, truly", 12)
    ('áo thun', 'a name with…')
    """
    visible = "".join(letter if letter.isprintable() else " " for letter in name).strip() or "(no name)"
    return visible if len(visible) <= longest else f"{visible[: longest - 1].rstrip()}…"
