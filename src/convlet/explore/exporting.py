"""The page as one file: network, weights (float16) and images inside, no server, no network.

Modules are put into one script, in the order in which they need each other; the policy in the file's head names that
script and the style by their hashes, and allows nothing else.
"""

import base64
import hashlib
import html
import json
import re
from dataclasses import replace
from functools import partial
from importlib import resources
from pathlib import Path, PurePosixPath

import numpy as np

from convlet.engines import engine
from convlet.explore.content import Content, travelling
from convlet.explore.framing import framed
from convlet.explore.wire import weights
from convlet.locale import LANGUAGES, texts
from convlet.runs.evaluation import evaluate
from convlet.runs.files import write_file

PAGE = Path(str(resources.files("convlet") / "explore" / "page"))
ENTRY = "main.js"

_IMPORT = re.compile(r'^import\s+(?:(?P<names>\{[^}]*\}|\* as \w+)\s+from\s+)?"(?P<path>\.[^"]+)";\n', re.MULTILINE)
_COMMENT = re.compile(r"^[ \t]*/\*\*(?:(?!\*/).)*\*/[ \t]*\n|/\*\*(?:(?!\*/).)*\*/ ?", re.MULTILINE | re.DOTALL)
_EXPORT = re.compile(r"^export (?P<what>(?:async )?(?:function\*?|class|const|let) (?P<name>\w+))", re.MULTILINE)


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
    """The modules as one script, without their comments: each a function that is called once and gives what it exports.

    Nothing else is changed, so the script can still be read.
    """
    pieces = ['"use strict";\nconst modules = {};']
    for name, text in ordered.items():
        exported = [found["name"] for found in _EXPORT.finditer(text)]
        body = _IMPORT.sub(partial(_required, name), text)
        body = _COMMENT.sub("", _EXPORT.sub(lambda found: found["what"], body))
        if re.search(r"^(?:import|export)\b", body, re.MULTILINE):
            raise AssertionError(f"{name}: an import or export in a form that `bundled` does not know")
        gives = ", ".join(exported)
        pieces.append(f"modules[{json.dumps(name)}] = (() => {{\n{body}\nreturn {{ {gives} }};\n}})();")
    return "\n".join(pieces)


def _required(importer: str, found: re.Match[str]) -> str:
    module = f"modules[{json.dumps(_resolved(importer, found['path']))}]"
    names = found["names"]
    if names is None:
        return ""
    if names.startswith("* as "):
        return f"const {names[5:]} = {module};\n"
    return f"const {names.replace(' as ', ': ')} = {module};\n"


def page(content: Content, language: str | None = None) -> str:
    """The whole page as one HTML text."""
    style = (PAGE / "style.css").read_text("utf-8")
    script = bundled(modules())
    packet = travelling(content, half=True, served=False, fresh=False, trainable=False)
    words = json.dumps({name: texts(name) for name in LANGUAGES}, ensure_ascii=False).replace("<", "\\u003c")
    data = base64.b64encode(framed(packet)).decode()
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; img-src blob: data:; "
        "base-uri 'none'; form-action 'none'"
    )
    text = (PAGE / "index.html").read_text("utf-8")
    head = f'<meta http-equiv="Content-Security-Policy" content="{html.escape(policy)}">\n<style>{style}</style>'
    body = (
        f'<script type="application/json" id="texts">{words}</script>\n'
        f'<script type="application/octet-stream" id="content">{data}</script>\n<script>{script}</script>'
    )
    text = text.replace('<link rel="stylesheet" href="/page/style.css">', head)
    text = text.replace('<script type="module" src="/page/main.js"></script>', body)
    return text if language is None else text.replace('lang="en"', f'lang="{language}" data-fixed', 1)


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def changed_by_half(content: Content) -> dict[str, int]:
    """How many of the test images another class comes first for, with float16 weights in place of float32."""
    part = content.unseen
    if part is None:
        return {"images": 0, "changed": 0}
    program = engine(content.engine).compile(content.network, content.parameters)
    before = evaluate(program, part).predictions
    halved = {name: array.astype(np.float32) for name, array in weights(content.parameters, half=True).items()}
    program.restore(replace(program.state(), parameters=halved))
    return {"images": len(part), "changed": int((evaluate(program, part).predictions != before).sum())}


def write(content: Content, file: Path, language: str | None = None) -> dict[str, int]:
    """Write the page to a file; its size, and what float16 changes. Raises StorageError."""
    text = page(content, language).encode()
    write_file(file, text)
    return {"bytes": len(text), **changed_by_half(content)}
