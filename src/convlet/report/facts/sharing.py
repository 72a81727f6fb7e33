"""The tutorial's argument about weights and images, in the numbers of one network."""

from convlet.report.facts.network import Facts
from convlet.report.numbers import count, percent, ratio

MOST = 0.5  # of the weights: a layer worth naming


def explain_sharing(facts: Facts) -> str:
    """What the ratio of weights to training images means, and what reusing weights does to it."""
    parts = [_about_the_ratio(facts), _about_sharing(facts), _about_the_largest(facts)]
    return " ".join(part for part in parts if part)


def _about_the_ratio(facts: Facts) -> str:
    weights = facts["weights_per_training_image"]
    if weights is None:
        return ""
    if weights < 1:
        return f"{ratio(1 / weights)} training images for each weight: too few weights to learn the images by heart."
    return (
        f"{ratio(weights)} weights for each training image: it can learn the images by heart (overfitting) rather "
        "than what they have in common."
    )


def _about_sharing(facts: Facts) -> str:
    shared = [row for row in facts["layers"] if "unshared_weights" in row]
    if not shared:
        return "No layer uses a weight in more than one place; a convolution would."
    many, few = sum(row["unshared_weights"] for row in shared), sum(row["weights"] for row in shared)
    text = (
        f"Each convolution's weights are used again at every position: {count(few)} weights do what would take "
        f"{count(many)} in dense layers"
    )
    without = facts["unshared_weights_per_training_image"]
    return f"{text}, which would make {ratio(without)} an image." if without else f"{text}."


def _about_the_largest(facts: Facts) -> str:
    largest = max(facts["layers"], key=lambda row: row["weights"])
    share = largest["weights"] / max(facts["weights"], 1)
    if share < MOST or largest["uses"] != 1 or len(facts["layers"]) == 1:
        return ""
    return (
        f"{percent(share, 0)} of the weights are in {largest['name']} ({largest['kind']}), which uses each only once."
    )
