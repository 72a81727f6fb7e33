"""A page read as a browser would, and names that try to be more than names. Helpers; there are no tests here."""

from html.parser import HTMLParser

HOSTILE = ("<script>alert(1)</script>", '"><img src=x onerror=y>', "a&b\u202e\x00\n'")
EMPTY = {"img", "meta", "br"}


class Reader(HTMLParser):
    """What is in a page: its elements in order, and whether each one that opens is closed in its place."""

    def __init__(self, text):
        super().__init__()
        self.found: list = []
        self.open: list = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data

    def attributes(self, name):
        return [attributes[name] for _, attributes in self.found if name in attributes]
