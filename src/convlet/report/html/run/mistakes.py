"""The worst mistakes, each beside a map of what the answer hung on."""

import numpy as np

from convlet.report.facts.assessment import Assessment, saliency
from convlet.report.html.elements import Html, element
from convlet.report.html.frame import name_of, path_of, section
from convlet.report.html.pictures import Album, overlaid
from convlet.report.numbers import count, label, probability

MOST = 24
PIXELS = 24 * 96 * 96  # of all images together: their gradients take their time
BYTES = 900_000
LARGEST = 128


def mistakes(assessed: Assessment) -> Html | None:
    """Image and map of the mistakes of highest loss, as many as bytes and time allow; None where there are none."""
    evaluation, wrong = assessed.evaluation, assessed.evaluation.mistakes()
    if not len(wrong):
        return None
    height, width, _ = assessed.examples.image_shape
    shown = wrong[: max(min(MOST, PIXELS // (height * width)), 6)]
    images, _ = assessed.examples.batch(shown)
    maps = saliency(assessed.run, images, evaluation.predictions[shown])
    album, figures = Album(BYTES, LARGEST), []
    for index, pixels, strength in zip(shown.tolist(), images, maps, strict=True):
        name = assessed.name(index)
        picture = album.picture(pixels, name)
        looked_at = album.drawn(overlaid(pixels, strength), f"what the answer to {name} hung on")
        if picture is None or looked_at is None:
            break
        figures.append(element("figure", element("div", picture, looked_at, class_="two"), _caption(assessed, index)))
    remark = (
        f"The {len(figures)} of highest loss among {count(len(wrong))}. The map beside each shows where a small change "
        "of the image would change the logit of the given answer most: bright is much."
    )
    return section("mistakes", "The worst mistakes", element("div", *figures, class_="pairs"), remark=remark)


def _caption(assessed: Assessment, index: int) -> Html:
    evaluation = assessed.evaluation
    given, wanted = int(evaluation.predictions[index]), int(evaluation.labels[index])
    sure, of_label = (float(np.asarray(evaluation.probabilities)[index, k]) for k in (given, wanted))
    names = [name_of(label(assessed.run.classes[k])) for k in (wanted, given)]
    said = (
        element("b", names[0]),
        f" ({probability(of_label)}), taken for ",
        element("b", names[1]),
        f" ({probability(sure)})",
    )
    return element("figcaption", *said, element("br"), path_of(assessed.name(index)))
