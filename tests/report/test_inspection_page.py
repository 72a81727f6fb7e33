"""The page of an inspection: whole, harmless, and with the images of each finding."""

import re
from html.parser import HTMLParser

import faulty
import numpy as np
import pytest

import convlet as cl
from convlet.inspection.views import Row
from convlet.report.html.inspection import AT_ONCE, contact_sheet, in_a_notebook, inspection_page
from convlet.report.terminal.inspection import inspection_table
from convlet.report.terminal.printed import print_plain

IMAGES, LABELS = faulty.shapes(40)
NAMES = np.array(["<script>alert(1)</script>", "disc & co", "x" * 300])


@pytest.fixture(scope="module")
def inspection():
    """Of three classes with names that are no HTML: copies of different classes, and more flat images than fit."""
    images = IMAGES.copy()
    images[50] = images[3]
    images[80 : 80 + AT_ONCE + 2] = np.arange(AT_ONCE + 2)[:, np.newaxis, np.newaxis] + 60
    return cl.inspect((images, NAMES[LABELS]), training=False)


class Outline(HTMLParser):
    """The elements that are open, and the classes of all there were."""

    def __init__(self, text):
        super().__init__()
        self.open, self.classes, self.tags = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.classes += (dict(attributes).get("class") or "").split()
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_is_whole_and_holds_no_script(inspection):
    page = inspection_page(inspection)
    outline = Outline(page)
    assert outline.open == [] and "script" not in outline.tags
    assert "&lt;script&gt;" in page and "disc &amp; co" in page and "x" * 60 not in re.sub('data:[^"]*', "", page)
    assert set(re.findall(r'(?:src|href)="(.{5})', page)) == {"data:"}


def test_every_finding_is_a_card_with_its_images_and_the_rest_opens_below(inspection):
    page = inspection_page(inspection)
    cards = re.findall(r"<article.*?</article>", page, re.S)
    assert [re.search(r"</span>(.*?)</h3>", card)[1] for card in cards] == [
        "1 image is there with different labels",
        f"{AT_ONCE + 2} images are of one colour, and show nothing",
        *(finding.title for finding in inspection.findings[2:]),
    ]
    assert cards[0].count("<img") == 2 and 'alt="train 3"' in cards[0] and 'alt="train 50"' in cards[0]
    shown, below = cards[1].split("<details>")
    assert shown.count("<img") == AT_ONCE and below.count("<img") == 2 and "2 more<" in below


def test_every_class_has_a_contact_sheet(inspection):
    sheets = inspection_page(inspection).partition('class="sheets"')[2]
    assert sheets.count("<figure><img") == 3 and "40 of 40" in sheets


def test_nothing_wrong_is_said():
    clean = cl.inspect(faulty.dataset(IMAGES, LABELS), training=False)
    assert "Nothing was found that is wrong with it." in inspection_page(clean)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_contact_sheet_shows_images_in_rows_and_large_ones_smaller(channels):
    images = np.full((15, 96, 60, channels), 200, np.uint8)
    sheet = contact_sheet(images)
    assert sheet.size == (12 * (30 + 2) - 2, 2 * (48 + 2) - 2)
    pixels = np.asarray(sheet).reshape(*sheet.size[::-1], -1)
    assert (pixels[:48, :30] == 200).all() and (pixels[:48, 30:32] == 128).all() and (pixels[50:, 96:] == 128).all()


def test_a_notebook_shows_the_findings_and_their_images(inspection):
    shown = in_a_notebook(inspection)
    Outline(shown)
    assert shown == inspection._repr_html_() and "with different labels" in shown and 'alt="train 50"' in shown


def test_the_report_is_written_where_it_is_asked_for(inspection, tmp_path):
    assert inspection.report(tmp_path / "page.html").read_text("utf-8") == inspection_page(inspection)


def test_the_terminal_shows_the_same_findings_in_the_same_order(inspection, capsys):
    inspection.summary()
    shown = capsys.readouterr().out
    print_plain(inspection_table(inspection))
    assert capsys.readouterr().out == shown
    places = [shown.index(f"{finding.gravity}  {finding.title}"[:60]) for finding in inspection.findings]
    assert places == sorted(places)
    assert "train 3 (<script>alert(1)</script>) = train 50 (disc & co)" in shown.replace("\n      ", " ")


def test_images_are_handed_out_in_the_order_they_are_asked_for():
    row = Row(faulty.dataset(IMAGES[1:], LABELS[1:], faulty.shapes(4, 90)))
    wanted = np.stack([faulty.shape("bar", 91), IMAGES[5], faulty.shape("bar", 90)])
    assert (row.images([120, 4, 119])[..., 0] == wanted).all()
    assert row.place(120).name == "test 1"
