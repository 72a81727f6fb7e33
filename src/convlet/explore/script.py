"""The page's modules as one script: what a browser is given, served and in a file alike.

One request instead of fifty, and no comments and indentation: these are for who reads the modules where they lie, in
`page/`. Names, statements and lines stay as they are, so the script can still be read. It is no bundler for any
JavaScript: it knows the few forms of import, export and comment that the page uses, and refuses others.
"""

import json
import re
from functools import partial
from importlib import resources
from pathlib import Path, PurePosixPath

PAGE = Path(str(resources.files("convlet") / "explore" / "page"))
ENTRY = "main.js"

_IMPORT = re.compile(r'^import\s+(?:(?P<names>\{[^}]*\}|\* as \w+)\s+from\s+)?"(?P<path>\.[^"]+)";\n', re.MULTILINE)
_COMMENT = re.compile(r"^[ \t]*/\*\*(?:(?!\*/).)*\*/[ \t]*\n|/\*\*(?:(?!\*/).)*\*/ ?", re.MULTILINE | re.DOTALL)
_EXPORT = re.compile(r"^export (?P<what>(?:async )?(?:function\*?|class|const|let) (?P<name>\w+))", re.MULTILINE)
_NOTE = re.compile(r"[ \t]+// [^\"`\n]*$", re.MULTILINE)  # behind a statement; a text may hold two slashes too
_INDENT = re.compile(r"\n\s+")


def modules(folder: Path = PAGE, entry: str = ENTRY) -> dict[str, str]:
    """Every module that the entry needs, by its path, each after those it imports."""
    ordered: dict[str, str] = {}

    def visit(name: str) -> None:
        text = (folder / name).read_text("utf-8")
        for found in _IMPORT.finditer(text):
            path = _resolved(name, found["path"])
            if path not in ordered:
                visit(path)
        ordered.setdefault(name, text)

    visit(entry)
    return ordered


def _resolved(importer: str, path: str) -> str:
    parts: list[str] = list(PurePosixPath(importer).parent.parts)
    for part in PurePosixPath(path).parts:
        if part == "..":
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


def bundled(ordered: dict[str, str]) -> str:
    """The modules as one script, without comments and indentation: each a function that is called once and gives what
    it exports. Raises AssertionError for a form of import or export, or a text of several lines, that it does not know.
    """
    pieces = ['"use strict";\nconst all = {};']
    for name, text in ordered.items():
        exported = [found["name"] for found in _EXPORT.finditer(text)]
        body = _IMPORT.sub(partial(_required, name), text)
        body = _COMMENT.sub("", _EXPORT.sub(lambda found: found["what"], body))
        if re.search(r"^(?:import|export)\b", body, re.MULTILINE):
            raise AssertionError(f"{name}: an import or export in a form that `bundled` does not know")
        body = _INDENT.sub("\n", _NOTE.sub("", body))
        if any(line.count("`") % 2 for line in body.splitlines()):
            raise AssertionError(f"{name}: a text of several lines, whose indentation would be lost")
        gives = ", ".join(exported)
        pieces.append(f"all[{json.dumps(name)}] = (() => {{\n{body.strip()}\nreturn {{ {gives} }};\n}})();")
    return "\n".join(pieces)


def _required(importer: str, found: re.Match[str]) -> str:
    module = f"all[{json.dumps(_resolved(importer, found['path']))}]"
    names = found["names"]
    if names is None:
        return ""
    if names.startswith("* as "):
        return f"const {names[5:]} = {module};\n"
    return f"const {names.replace(' as ', ': ')} = {module};\n"
