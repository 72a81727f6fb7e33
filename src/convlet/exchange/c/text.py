"""Names, texts and numbers as C takes them, whatever they are outside."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

WIDTH = 112  # of a line of numbers
OF_STDINT = re.compile(r"u?int.*|ptrdiff|size|sig_atomic|wchar|wint", re.IGNORECASE)  # INT8_WIDTH is a macro of its own
PLAIN = set(range(32, 127)) - set(b'"\\?')  # of ASCII, what stands for itself in a string; two ? could be a trigraph


def identifier(name: str, otherwise: str) -> str:
    """A name that C and C++ allow, as like this one as can be: of letters, digits and single underscores.

    >>> [identifier(each, "model") for each in ("my-digits 2", "7", "số", "int8")]
    ['my_digits_2', 'model_7', 's', 'model_int8']
    """
    made = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_")
    return made if made[:1].isalpha() and not OF_STDINT.fullmatch(made) else "_".join(filter(None, [otherwise, made]))


def identifiers(names: Sequence[str]) -> dict[str, str]:
    """An identifier for each of several names, all different.

    >>> identifiers(["a-b", "a_b", "1"])
    {'a-b': 'a_b', 'a_b': 'a_b_2', '1': 'layer_1'}
    """
    made: dict[str, str] = {}
    for name in names:
        plain, count = identifier(name, "layer"), 1
        own = plain
        while own in made.values():
            count += 1
            own = f"{plain}_{count}"
        made[name] = own
    return made


def string(text: str) -> str:
    """A text as a C string of its UTF-8: what is not plain ASCII becomes octal digits, always three.

    >>> print(string('a "b"??/ é'))
    "a \\042b\\042\\077\\077/ \\303\\251"
    """
    return '"' + "".join(chr(b) if b in PLAIN else f"\\{b:03o}" for b in text.encode("utf-8", "replace")) + '"'


def comment(text: str) -> str:
    """A text that may stand in a comment: plain ASCII, and no end of one.

    >>> comment("Conv2D 32 × 5×5 */")
    'Conv2D 32 x 5x5 * /'
    """
    plain = text.replace("×", "x").encode("ascii", "replace").decode()
    return re.sub(r"[\x00-\x1f\x7f]", " ", plain).replace("*/", "* /").replace("/*", "/ *").replace("??", "? ?")


def number(value: Any) -> str:
    """A number of float32 with as many digits as tell it from all others.

    >>> number(np.float32(0.1)), number(np.float32(3)), number(np.float32(1e-10))
    ('0.1f', '3.0f', '1e-10f')
    """
    return f"{np.float32(value)!s}f"


def array(name: str, values: NDArray[Any]) -> Iterator[str]:
    """The lines that define an array, float32 or of integers."""
    kind = "float" if values.dtype == np.float32 else f"{values.dtype.name}_t"
    yield f"static const {kind} {name}[{values.size}] = {{"
    flat = np.ravel(values)
    yield from _lines([number(value) for value in flat] if kind == "float" else [str(value) for value in flat.tolist()])
    yield "};"


def _lines(numbers: Sequence[str]) -> Iterator[str]:
    """Numbers in lines of about the same width."""
    each = max(1, WIDTH // (max(map(len, numbers)) + 2))
    for start in range(0, len(numbers), each):
        yield f"    {', '.join(numbers[start : start + each])},"
