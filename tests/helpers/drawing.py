"""Made-up histories and answers to be drawn, and the words of a drawing."""

import numpy as np

from convlet import Conv2D, Dense, Evaluation, Flatten, History
from convlet.descriptions.network import Sequential


def history(steps, validations=(), reports=()):
    random = np.random.default_rng(0)
    losses = (2.3 / (1 + np.arange(steps) / 50) * random.lognormal(0, 0.3, steps)).tolist()
    correct = random.binomial(50, np.clip(1 - np.array(losses) / 2.6, 0, 1)).tolist()
    return History(50, losses, correct, [(s, 0.2, a) for s, a in validations], [(s, 0.5) for s in reports])


def evaluation(classes, images, wrong):
    labels = np.arange(images) % classes
    predictions = np.where(np.arange(images) < wrong, (labels + 1) % classes, labels)
    return Evaluation(np.eye(classes)[predictions] * 4.0, labels)


def pixels(count, channels=1):
    return np.random.default_rng(0).integers(0, 256, (count, 8, 8, channels), np.uint8)


def texts(figure):
    drawn = [text.get_text() for axes in figure.axes for text in axes.texts]
    drawn += [t.get_text() for legend in figure.legends for t in legend.get_texts()]
    drawn += [text.get_text() for text in figure.texts]
    return drawn + [axes.get_title() for axes in figure.axes] + [axes.get_title(loc="left") for axes in figure.axes]


def network(channels=1, filters=5):
    return Sequential([Conv2D(filters, 3), Flatten(), Dense(3)], (8, 8, channels))
