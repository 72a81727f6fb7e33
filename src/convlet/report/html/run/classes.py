"""How well each class is known, and whether the network is right as often as it is sure."""

import math
from collections.abc import Iterator

from convlet.report.facts.assessment import Assessment
from convlet.report.facts.evaluation import evaluation_json
from convlet.report.html.elements import Child, Html, element, joined
from convlet.report.html.frame import name_of, paragraph, section, table
from convlet.report.numbers import NOT_MEASURED, count, label, percent
from convlet.statistics import BINS, Calibration

SIDE, LEFT, TOP, FOOT = 300, 36, 8, 32  # of the diagram


def classes(assessed: Assessment) -> Html:
    """A row for each class, the one that is known least first."""
    facts = evaluation_json(assessed.evaluation, assessed.run.classes, 0)
    trained = assessed.trained_counts
    rows: list[tuple[Child, ...]] = []
    order = sorted(range(len(facts["classes"])), key=lambda k: _known(facts["classes"][k]["f1"]))
    for row, k in ((facts["classes"][k], k) for k in order):
        taken = (
            joined(name_of(label(row["most_often_taken_for"])), f" ({count(row['times'])} ×)") if row["times"] else ""
        )
        images = (count(int(trained[k])),) if trained is not None else ()
        shares = [_written(row[name]) for name in ("recall", "precision")]
        rows.append((name_of(label(row["class"])), _bar(row["f1"]), *shares, count(row["images"]), *images, taken))
    head = (
        "class",
        "F1",
        "recall",
        "precision",
        assessed.part,
        *(("train",) if trained is not None else ()),
        "taken for",
    )
    numbers = tuple(range(1, len(head) - 1))
    remark = "Recall: found, of its images. Precision: right, of those taken for it. F1: the harmonic mean of both."
    return section("classes", "Class by class", table(head, rows, numbers), remark=remark)


def _known(share: float | None) -> float:
    return math.inf if share is None else share


def _written(share: float | None) -> str:
    return NOT_MEASURED if share is None else percent(share)


def _bar(share: float | None) -> Html:
    bar = element("span", element("i", style=f"width:{100 * (share or 0):.1f}%"), class_="track")
    return joined(bar, _written(share))


def calibration(assessed: Assessment) -> Html:
    """The reliability diagram, and the expected calibration error in words."""
    facts, found = evaluation_json(assessed.evaluation, assessed.run.classes, 0), assessed.evaluation.calibration
    sure, error = facts["calibration"]["mean_confidence"], facts["calibration"]["error"]
    words = [
        paragraph(f"On average it is {percent(sure)} sure, and {percent(facts['accuracy'])} are right."),
        paragraph(
            f"Expected calibration error: {percent(error, 2)}, the mean distance, over {BINS} bins of equal width."
        ),
        element(
            "p",
            "Above the line it is right more often than it says, below it is too sure. Pale bars have few images.",
            class_="quiet",
        ),
        element("p", "Source: Guo et al., “On calibration of modern neural networks”, ICML 2017.", class_="quiet"),
    ]
    body = element("div", _diagram(found), element("div", *words), class_="figure")
    return section("calibration", "Is it right as often as it is sure?", body)


def _diagram(found: Calibration) -> Html:
    """Accuracy over certainty, a bar for each bin that has images, and the line on which they would be equal."""
    ideal = element("line", x1=LEFT, y1=TOP + SIDE, x2=LEFT + SIDE, y2=TOP, stroke="var(--ink)", stroke_dasharray="4 4")
    turned = f"rotate(-90 10 {TOP + SIDE // 2})"
    names = (
        element("text", "how sure, %", x=LEFT + SIDE / 2, y=TOP + SIDE + FOOT, text_anchor="middle"),
        element("text", "right, %", x=10, y=TOP + SIDE / 2, text_anchor="middle", transform=turned),
    )
    box = f"0 0 {LEFT + SIDE + 12} {TOP + SIDE + FOOT + 6}"
    words = "Accuracy over certainty"
    return element("svg", _grid(), _bins(found), ideal, *names, viewBox=box, role="img", aria_label=words)


def _grid() -> Iterator[Html]:
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        x, y, written = LEFT + SIDE * share, TOP + SIDE * (1 - share), f"{100 * share:.0f}"
        yield element("line", x1=LEFT, x2=LEFT + SIDE, y1=y, y2=y, stroke="var(--line)")
        yield element("text", written, x=LEFT - 6, y=y + 4, text_anchor="end")
        yield element("text", written, x=x, y=TOP + SIDE + 16, text_anchor="middle")


def _bins(found: Calibration) -> Iterator[Html]:
    width, few = SIDE / BINS, max(float(found.images.max()) / 100, 10)
    for place, images in enumerate(found.images.tolist()):
        if images:
            sure, right = float(found.confidence[place]), float(found.accuracy[place])
            title = element("title", f"{count(images)} images: {percent(sure)} sure, {percent(right)} right")
            x, y, opacity = LEFT + place * width + 1, TOP + SIDE * (1 - right), 0.9 if images >= few else 0.4
            height = max(SIDE * right, 1.0)
            bar = element("rect", x=x, y=y, width=width - 2, height=height, fill="var(--bar)", opacity=opacity)
            yield element("g", title, bar)
