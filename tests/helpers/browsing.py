"""An open page in a browser, as a test of it sees one: what it shows, what it complained of, whom it asked."""

from pathlib import Path
from urllib.parse import parse_qsl

import pages

PROBE = Path(__file__).parents[1] / "explore" / "probe.js"
WAYS = ("served", "file")  # how a page comes to its reader
MINUS = "\N{MINUS SIGN}"


class Page:
    """An open page, everything it complained of, and every address it asked for."""

    def __init__(self, page, url):
        self.page, self.url, self.complaints, self.asked = page, url, [], []
        page.add_init_script(path=PROBE)
        page.set_default_timeout(120_000)  # milliseconds; a machine may be busy
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda message: message.type == "error" and self.complaints.append(message.text))
        page.on("request", lambda request: self.asked.append(request.url))

    def go(self, state=""):
        self.page.goto("about:blank")
        self.page.goto(f"{self.url}#{state}")
        self.page.wait_for_selector("body[data-ready=yes]")
        return self

    def probe(self, question):
        return self.page.evaluate(f"probe.{question}")

    def until(self, expression, seconds=60):
        """Wait until it is true. (Playwright's own waiting evaluates text, which the page's policy forbids.)"""
        pages.wait_until(lambda: self.page.evaluate(expression), seconds)

    def settle(self):
        self.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def text(self, selector):
        return self.page.locator(selector).first.inner_text()

    def click(self, selector):
        self.page.locator(selector).first.click()
        self.settle()

    def fragment(self):
        return dict(parse_qsl(self.page.evaluate("location.hash").lstrip("#")))

    def numbers(self, selector):
        return [number(text) for text in self.page.locator(selector).all_inner_texts()]


def number(text):
    return float(text.replace(MINUS, "-").replace(",", ".").replace("%", "").replace("\xa0", ""))
