"""HTML as a value: an element holds texts, which are escaped, and other elements, which are not.

A class may be called `<script>`, and a file anything: nothing gets into a page but through here.
"""

import html
from collections.abc import Iterable
from typing import TypeAlias

EMPTY = ("img", "meta", "br", "wbr", "rect", "line", "circle", "path")  # elements that hold nothing


class Html(str):
    """Text that is HTML already. Made by `element`; whoever makes it otherwise answers for what is in it."""

    __slots__ = ()


Child: TypeAlias = "str | Html | Iterable[Child] | None"
Value: TypeAlias = str | float | bool | None


def escaped(text: str) -> Html:
    """Text as it can stand in HTML, in an attribute too; what is not printable becomes a question mark.

    >>> escaped("<b> & \\u202e")
    '&lt;b&gt; &amp; ?'
    """
    harmless = "".join(letter if letter.isprintable() or letter == "\n" else "?" for letter in text)
    return Html(html.escape(harmless).replace(" %", "&nbsp;%"))  # which no line may break


def joined(*children: Child) -> Html:
    """Children one after another; None is left out."""
    return Html("".join(map(_written, children)))


def _written(child: Child) -> str:
    if child is None:
        return ""
    if isinstance(child, Html):
        return child
    return escaped(child) if isinstance(child, str) else joined(*child)


def element(name: str, *children: Child, **attributes: Value) -> Html:
    """An element, with what is in it, and attributes: `class_` is class, `aria_label` aria-label.

    An attribute of None or False is left out, one of True stands alone.

    >>> element("a", "x < y", href="#here", class_="quiet", hidden=None)
    '<a href="#here" class="quiet">x &lt; y</a>'
    """
    written = "".join(map(_attribute, attributes, attributes.values()))
    if name in EMPTY:
        return Html(f"<{name}{written}>" if name in ("img", "meta", "br", "wbr") else f"<{name}{written}/>")
    return Html(f"<{name}{written}>{joined(*children)}</{name}>")


def _attribute(name: str, value: Value) -> str:
    if value is None or value is False:
        return ""
    key = name.rstrip("_").replace("_", "-")
    return (
        f" {key}"
        if value is True
        else f' {key}="{escaped(f"{value:.6g}" if isinstance(value, float) else str(value))}"'
    )
