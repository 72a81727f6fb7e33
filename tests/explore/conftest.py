"""A real browser for the tests of the page: the system's Chromium, which nothing here downloads.

Where Playwright or Chromium is missing, these tests are skipped; `make test-page` names the browser in CHROMIUM, and
then a missing one is a failure.
"""

import base64
import json
import mimetypes
import os
import shutil
from pathlib import Path

import numpy as np
import pages
import pytest
from browsing import Page

import convlet.explore
from convlet.explore import exporting

PAGE = Path(convlet.explore.__file__).parent / "page"
BARE = ("data:", "about:", "blob:")  # addresses that nobody is asked for
HOST = "http://page.test/"  # answered by this module; nothing is sent
ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


@pytest.fixture(scope="session")
def browser():
    """Chromium, once for each test process."""
    named = os.environ.get("CHROMIUM")
    if not named:
        pytest.importorskip("playwright.sync_api", reason="the page's tests need Playwright: make test-page")
    path = shutil.which(named or "chromium")
    if path is None and not named:
        pytest.skip("the page's tests need Chromium: make test-page says more")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield opened
        opened.close()


class Modules:
    """The page's modules in a browser, without the page around them. `files` are served beside them."""

    def __init__(self, page):
        self.page, self.files, self.complaints = page, {}, []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda message: message.type == "error" and self.complaints.append(message.text))
        page.route("**/*", self._answer)
        page.goto(HOST + "harness.html")
        page.wait_for_function("globalThis.convlet")

    def _answer(self, route):
        name = route.request.url.removeprefix(HOST)
        sources = [folder / name for folder in (PAGE, Path(__file__).parent) if (folder / name).is_file()]
        if not route.request.url.startswith(HOST) or not (sources or name in self.files):
            self.complaints.append(f"asked for {route.request.url}")
            route.abort()
            return
        body = self.files[name] if name in self.files else sources[0].read_bytes()
        route.fulfill(body=body, content_type=mimetypes.guess_type(name)[0] or "application/octet-stream")

    def run(self, code, packet=None, **arguments):
        """What the body of an async function returns that knows `convlet` (all modules), and these arguments.

        Arrays become typed arrays on the way there, and typed arrays become flat arrays on the way back. A packet is
        fetched as the page does it, and arrives as `network` and `arrays`.
        """
        if packet is not None:
            self.files |= {"packet.json": json.dumps(packet.description).encode(), "packet.bin": packet.buffer}
        found = self.page.evaluate(
            "([code, given, packet]) => harness.run(code, given, packet)",
            [code, json.dumps(_plain(arguments)), packet is not None],
        )
        assert self.complaints == []
        return _arrays(json.loads(found))


@pytest.fixture(scope="module")
def modules(browser):
    context = browser.new_context()
    yield Modules(context.new_page())
    context.close()


@pytest.fixture(scope="module")
def studio():
    """A page's content: a small network on a little of MNIST."""
    with pages.studio(pages.DIGITS, pages.digits(), steps=400) as made:
        yield made


@pytest.fixture(scope="module")
def urls(studio, tmp_path_factory):
    """Where that page is: served, and in a file of its own."""
    pytest.importorskip("convlet.explore.server", reason="the page's server is an extra: make test-page")
    file = tmp_path_factory.mktemp("exported") / "page.html"
    file.write_text(exporting.page(studio.content), "utf-8")
    with pages.served(studio, language="en") as address:
        yield {"served": address.url, "file": file.as_uri()}


@pytest.fixture
def open_page(browser, urls):
    """Opens pages, which may complain of nothing and ask nobody but their own server."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-GB")
    opened = []

    def open_(way, state="", **size):
        page = Page(context.new_page(), urls[way])
        if size:
            page.page.set_viewport_size(size)
        opened.append(page)
        return page.go(state)

    yield open_
    own = urls["served"].split("?")[0]
    for page in opened:
        assert page.complaints == []
        asked = {url.split("#")[0] for url in page.asked if not url.startswith(BARE)}
        if page.url.startswith("file:"):
            assert asked <= {page.url}
        else:
            assert [url for url in asked if not url.startswith(own)] == []
    context.close()


def _plain(value):
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, np.ndarray):
        return {"array": value.dtype.name, "base64": base64.b64encode(value.tobytes()).decode()}
    return value.item() if isinstance(value, np.generic) else value


def _arrays(value):
    if isinstance(value, list):
        return [_arrays(each) for each in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"array", "base64"}:
        return np.frombuffer(base64.b64decode(value["base64"]), value["array"])
    return {key: _arrays(each) for key, each in value.items()}
