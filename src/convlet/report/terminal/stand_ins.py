"""What a stream that is not UTF-8 is given in place of what it cannot hold: × as x, á as a, at worst a question mark.

Windows with redirected output has such streams, and so has `PYTHONIOENCODING=ascii`.
"""

import codecs
import unicodedata
from typing import TextIO

STAND_INS = "convlet stand-ins"  # the name under which Python's codecs know `_stand_ins`
LIKE = str.maketrans("×−–→≤≥·✓✗━█▉▊▋▌▍▎▏đĐ", "x--><>-+x=#####   dD")


def held_by(stream: TextIO, text: str) -> str:
    """The text with stand-ins for what the stream cannot hold."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, STAND_INS).decode(encoding)


def _stand_ins(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_stand_in, error.object[error.start : error.end])), error.end


def _stand_in(letter: str) -> str:
    """What an ASCII stream shows of a letter: one like it, itself without its marks, or a question mark.

    >>> "".join(map(_stand_in, "3 × 3, 4 → 9 … áo dài"))
    '3 x 3, 4 > 9 ... ao dai'
    """
    like = unicodedata.normalize("NFKD", letter.translate(LIKE)).encode("ascii", "ignore").decode()
    if like or unicodedata.combining(letter):
        return like
    return "??" if unicodedata.east_asian_width(letter) in "WF" else "?"  # as wide as it would be, for tables


codecs.register_error(STAND_INS, _stand_ins)
