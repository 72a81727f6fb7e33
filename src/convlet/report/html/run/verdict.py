"""The verdict: how good a run is, beside what needs no network; and the three things to fix first."""

from convlet.report.facts.assessment import Assessment
from convlet.report.facts.evaluation import evaluation_json
from convlet.report.facts.findings import Finding
from convlet.report.facts.network import Facts
from convlet.report.html.elements import Child, Html, element, joined
from convlet.report.html.frame import name_of, section
from convlet.report.numbers import count, label, percent

CARDS = 3
SIGNIFICANT = 0.05


def verdict(assessed: Assessment) -> Html:
    """Accuracy in large figures, with its interval, and beside it the commonest class and the linear baseline."""
    facts = evaluation_json(assessed.evaluation, assessed.run.classes, 0, assessed.linear)
    digits = 2 if facts["images"] >= 1000 else 1
    number = percent(facts["accuracy"], digits).removesuffix(" %")
    low, high = percent(facts["accuracy_low"], digits), percent(facts["accuracy_high"], digits)
    said = element(
        "div",
        element("p", number, element("small", " %"), class_="large"),
        element(
            "p",
            f"of {count(facts['images'])} {assessed.part} images right",
            element("br"),
            f"between {low} and {high} at 95 % confidence",
        ),
    )
    return element("div", said, _beside(facts), class_="verdict", id="verdict")


def _beside(facts: Facts) -> Html:
    commonest, linear = facts["baselines"]["commonest"], facts["baselines"]["linear"]
    low, high = facts["accuracy_low"], facts["accuracy_high"]
    reach = element("b", style=f"left:{100 * low:.2f}%;width:{100 * (high - low):.2f}%")
    rows = [_bar("this network", facts["accuracy"], reach, own=True)]
    if linear is not None:
        rows.append(_bar("a linear classifier", linear["accuracy"]))
    rows.append(_bar(joined("always ", name_of(label(commonest["class"], 16))), commonest["accuracy"]))
    return element("div", element("div", *rows, class_="bars"), element("p", _words(facts), class_="quiet"))


def _bar(name: Child, share: float, more: Child = None, own: bool = False) -> Html:
    track = element("span", element("i", style=f"width:{100 * share:.2f}%"), more, class_="track")
    return element(
        "div",
        element("span", name),
        track,
        element("span", percent(share, 1), class_="share"),
        class_="own" if own else None,
    )


def _words(facts: Facts) -> str:
    """What the bars amount to."""
    linear = facts["baselines"]["linear"]
    if linear is None or linear["accuracy"] >= facts["accuracy"]:
        return ""
    if linear["p"] >= SIGNIFICANT:
        return f"The difference from the linear classifier may be chance (p = {linear['p']:.2g})."
    wrong = 1 - facts["accuracy"]
    if not wrong:
        return "The linear classifier is softmax regression on the same pixels."
    times = (1 - linear["accuracy"]) / wrong
    return f"Softmax regression on the same pixels makes {times:.1f} times as many mistakes."


def first_cards(found: list[Finding]) -> Html:
    """What to fix first: up to three cards."""
    cards = [_card(finding) for finding in found[:CARDS]]
    if not cards:
        words = "No class, no pair of classes and no gap stands out. What mistakes there are, are below."
        cards = [element("div", element("h3", "Nothing stands out"), element("p", words), class_="card calm")]
    return section("first", "What to fix first", element("div", *cards, class_="cards"))


def _card(finding: Finding) -> Html:
    return element(
        "div",
        element("h3", finding.title),
        element("p", finding.shows),
        element("p", finding.remedy, class_="quiet"),
        class_="card",
    )
