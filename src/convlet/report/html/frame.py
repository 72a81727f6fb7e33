"""What all pages share: the head with its style, the title, sections, and a foot.

A page names no other file and runs no script; its policy forbids both to whatever might get in.
"""

from functools import cache
from importlib import resources

from convlet.report.html.elements import Child, Html, element, escaped, joined

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


@cache
def _style() -> str:
    return (resources.files("convlet.report.html") / "frame.css").read_text("utf-8")


def page(title: str, head: Child, *sections: Child, foot: Child = None) -> str:
    """A whole page: its title, what stands beside that, sections, and a foot."""
    top = element("header", element("h1", title), head)
    body = element("body", top, element("main", *sections), element("footer", foot))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{escaped(POLICY)}">\n'
        f"<title>{escaped(title)}</title>\n<style>{_style()}</style>\n</head>\n{body}\n</html>\n"
    )


def section(identity: str, title: str, *children: Child, remark: Child = None) -> Html:
    """A part of a page under a heading, which `#identity` leads to; a remark in quieter letters below it."""
    quiet = element("p", remark, class_="quiet") if remark else None
    return element("section", element("h2", title), quiet, *children, id=identity)


def table(head: tuple[Child, ...], rows: list[tuple[Child, ...]], numbers: tuple[int, ...] = ()) -> Html:
    """A table that scrolls by itself where it is too wide; columns in `numbers` stand at the right."""

    def cells(name: str, row: tuple[Child, ...]) -> Html:
        columns = [
            element("th" if place == 0 else name, cell, class_="number" if place in numbers else None)
            for place, cell in enumerate(row)
        ]
        return element("tr", *columns)

    parts = (element("thead", cells("th", head)), element("tbody", *(cells("td", row) for row in rows)))
    return scrolling(element("table", *parts))


def scrolling(child: Child) -> Html:
    """What may be wider than a phone, and then is moved sideways by itself."""
    return element("div", child, class_="scrolling", tabindex="0")


def name_of(text: str) -> Html:
    """Somebody's name for something, of whatever script: it turns no text around it."""
    return element("bdi", text)


def path_of(text: str) -> Html:
    """A file's path, which a line may break behind a folder rather than in a name."""
    *folders, name = text.split("/")
    return element("bdi", *((folder, "/", element("wbr")) for folder in folders), name)


def paragraph(*children: Child) -> Html:
    """Running text."""
    return element("p", joined(*children))
