"""What is wrong with the data: the gravest findings of an inspection, with their images."""

from convlet.inspection import Inspection
from convlet.inspection.findings import KNOW
from convlet.report.html.elements import Html, element
from convlet.report.html.frame import section
from convlet.report.html.inspection import finding_card
from convlet.report.html.pictures import Album
from convlet.report.numbers import count

MOST = 6  # findings
CASES = 8  # of each
BYTES = 400_000


def faults(inspection: Inspection) -> Html:
    """The findings that are to be mended or looked at, the worst first."""
    found, album = [each for each in inspection.findings if each.gravity != KNOW], Album(BYTES, largest=64)
    cards = [finding_card(inspection, each, album, at_once=CASES, more=0) for each in found[:MOST]]
    if not cards:
        words = f"Nothing was found that is wrong with its {count(len(inspection.row))} images."
        cards = [element("p", words)]
    remark = "Copies, doubtful labels, shortcuts, images unlike the others. convlet inspect shows all of it."
    return section("faults", "What is wrong with the data", *cards, remark=remark)
