"""The page as one file: network, weights (float16) and images inside, no server, no network.

The policy in the file's head names the script and the style by their hashes, and allows nothing else.
"""

import base64
import hashlib
import html
import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from convlet.engines import engine
from convlet.explore.content import Content, travelling
from convlet.explore.framing import framed
from convlet.explore.script import PAGE, bundled, modules
from convlet.explore.wire import weights
from convlet.locale import LANGUAGES, texts
from convlet.runs.evaluation import evaluate
from convlet.runs.files import write_file


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
