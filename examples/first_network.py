"""The tutorial's first network in plain NumPy: as published, and with each of its defects corrected.

    python examples/first_network.py                                   as published
    python examples/first_network.py --correct sign slope              two of its defects corrected
    python examples/first_network.py --correct all                     done correctly
    python examples/first_network.py --table corrected                 each defect corrected alone, a line each
    python examples/first_network.py --table "put back"                done correctly, but for one defect, a line each

A training takes about a minute and a half on one core, half of that with --float32; --seeds 1 2 3 4 5 takes five.

The words are the tutorial's: sections are cut out of every image, stacked, flattened, and go through one matrix
product. `convlet.engines.numpy` is the same network grown up; `tests/test_examples.py` shows that the corrected form
here and that engine take the same steps.
"""

import argparse
import sys
import time
from collections.abc import Callable, Collection
from statistics import mean
from typing import NamedTuple

import numpy as np

import convlet as cl

SIDE, KERNEL, KERNELS, CLASSES = 28, 3, 16, 10
BATCH = 128
DEFECTS = {  # name: what the published code does
    "positions": "the loop stops one row and one column early: 25 × 25 positions of 26 × 26",
    "sign": "the kernels' step has the wrong sign: they climb the loss",
    "slope": "tanh's slope is taken from what dropout has doubled, so it can be as low as −3",
    "doubling": "dropout doubles what it keeps on the way forward, but not on the way back",
    "division": "the gradient is divided by the batch size twice",
    "last batch": "the last 104 of the 1,000 images are never learnt from",
    "softmax": "softmax is not shifted by its maximum, so large sums would overflow",
}


class Network(NamedTuple):
    """Kernels (9, 16), one a column, and dense weights (P*16, 10), for P positions."""

    kernels: np.ndarray
    weights: np.ndarray


def begin(random: np.random.RandomState, defects: Collection[str], dtype: type = np.float64) -> Network:
    """The initial values, drawn in the published order."""
    positions = (SIDE - KERNEL + ("positions" not in defects)) ** 2
    kernels = 0.02 * random.random_sample((KERNEL * KERNEL, KERNELS)) - 0.01
    weights = 0.2 * random.random_sample((positions * KERNELS, CLASSES)) - 0.1
    return Network(kernels.astype(dtype), weights.astype(dtype))


def cut_sections(images: np.ndarray, defects: Collection[str]) -> np.ndarray:
    """Every section of every image, flat: images (N, 28, 28) → (N, P, 9)."""
    places = range(SIDE - KERNEL + ("positions" not in defects))
    sections = [images[:, row : row + KERNEL, column : column + KERNEL] for row in places for column in places]
    return np.stack(sections, axis=1).reshape(len(images), len(sections), KERNEL * KERNEL)


def hidden_layer(network: Network, sections: np.ndarray) -> np.ndarray:
    """The kernels' output, after tanh: (N, P*16)."""
    flattened_input = sections.reshape(-1, KERNEL * KERNEL)  # (N*P, 9)
    return np.tanh(flattened_input @ network.kernels).reshape(len(sections), -1)


def softmax(sums: np.ndarray, defects: Collection[str]) -> np.ndarray:
    exponentials = np.exp(sums if "softmax" in defects else sums - sums.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def learn(
    network: Network, sections: np.ndarray, labels: np.ndarray, keep: np.ndarray, rate: float, defects: Collection[str]
) -> int:
    """One step on one batch, in place: `keep` (N, P*16) is the dropout mask. Returns how many it had right."""
    layer_1 = hidden_layer(network, sections)
    dropped = layer_1 * keep * 2
    layer_2 = softmax(dropped @ network.weights, defects)  # (N, 10)

    delta_2 = (np.eye(CLASSES, dtype=layer_2.dtype)[labels] - layer_2) / len(
        labels
    )  # downhill: minus the gradient of the mean loss
    if "division" in defects:
        delta_2 /= BATCH
    delta_1 = delta_2 @ network.weights.T * keep
    if "doubling" not in defects:
        delta_1 *= 2
    delta_1 *= 1 - (dropped if "slope" in defects else layer_1) ** 2

    network.weights[:] += rate * (dropped.T @ delta_2)
    downhill = sections.reshape(-1, KERNEL * KERNEL).T @ delta_1.reshape(-1, KERNELS)  # (9, 16)
    network.kernels[:] += rate * (-downhill if "sign" in defects else downhill)
    return int((layer_2.argmax(axis=1) == labels).sum())


def train(
    images: np.ndarray,
    labels: np.ndarray,
    *,
    defects: Collection[str],
    seed: int,
    rate: float,
    passes: int,
    watch: Callable[[int, float], None] = lambda done, share: None,
) -> tuple[Network, float]:
    """Train on images (N, 28, 28). Also returns the train accuracy as published: in the last pass, with dropout.

    `watch` is called after every pass, with how many there were and that accuracy in the last.
    """
    random = np.random.RandomState(seed)
    network, sections = begin(random, defects, images.dtype.type), cut_sections(images, defects)
    end = len(images) - len(images) % BATCH if "last batch" in defects else len(images)
    correct = 0
    for number in range(1, passes + 1):
        correct = 0
        for start in range(0, end, BATCH):
            batch = slice(start, min(start + BATCH, end))
            keep = random.randint(2, size=(batch.stop - start, len(network.weights))).astype(images.dtype)
            correct += learn(network, sections[batch], labels[batch], keep, rate, defects)
        watch(number, correct / len(images))
    return network, correct / len(images)


def accuracy(network: Network, images: np.ndarray, labels: np.ndarray, defects: Collection[str]) -> float:
    """The share of images it has right, without dropout."""
    parts = [slice(start, start + 500) for start in range(0, len(images), 500)]
    sums = [hidden_layer(network, cut_sections(images[part], defects)) @ network.weights for part in parts]
    return float((np.concatenate(sums).argmax(axis=1) == labels).mean())


def published_data(dtype: type = np.float64) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The tutorial's images (N, 28, 28) with their labels.

    Its 1,000 training images are the first of MNIST's 60,000. In convlet's split, as in TensorFlow's, the first 5,000
    are for validation, so here the training images are validation's first 1,000, and the other 4,000 validate.
    """
    mnist = cl.datasets.mnist()
    parts = {"train": mnist.validation.take(slice(1000)), "validation": mnist.validation.take(slice(1000, None))}
    parts["test"] = mnist.test
    return {name: ((part.images[..., 0] / 255).astype(dtype), part.labels) for name, part in parts.items()}


def progress(name: str, passes: int) -> Callable[[int, float], None]:
    """How far a training is, on stderr: a line that is written over, or elsewhere than on a terminal, one at times."""
    begun = shown = time.monotonic()

    def watch(done: int, share: float) -> None:
        nonlocal shown
        now, live = time.monotonic(), sys.stderr.isatty()
        if now - shown < (0.2 if live else 10) and done < passes:
            return
        shown, left = now, (now - begun) / done * (passes - done)
        line = f"{name}: pass {done} of {passes}, {100 * share:.1f} % of the training images, {left:.0f} s left"
        end = "\r" if live and done < passes else "\n"
        print(f"{line:<79}"[: 10_000 if not live else 79], end=end, file=sys.stderr, flush=True)

    return watch


def measure(name: str, defects: Collection[str], options: argparse.Namespace, rate: float) -> None:
    """Train once a seed, and print one line: the mean of each accuracy, with the lowest and highest on the test."""
    data, rows = published_data(np.float32 if options.float32 else np.float64), []
    for seed in options.seeds:
        settings = {"defects": defects, "seed": seed, "rate": rate, "passes": options.passes}
        network, as_counted = train(*data["train"], **settings, watch=progress(f"{name}, seed {seed}", options.passes))
        rows.append([as_counted, *(accuracy(network, *data[part], defects) for part in data)])
    counted, trained, validated, tested = (mean(column) for column in zip(*rows, strict=True))
    low, high = min(row[3] for row in rows), max(row[3] for row in rows)
    print(
        f"{name:24} rate {rate:<8g} test {tested:.4f} ({low:.4f} to {high:.4f}, n={len(rows)})  "
        f"validation {validated:.4f}  train {trained:.4f}  train as published {counted:.4f}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--correct", nargs="*", default=[], choices=[*DEFECTS, "all"], metavar="DEFECT")
    parser.add_argument("--table", choices=["corrected", "put back"], help="one line a defect: this one alone")
    parser.add_argument("--rate", type=float, nargs="+", default=[2.0], help="several are tried one after another")
    parser.add_argument("--passes", type=int, default=300)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1], help="the published one is 1")
    parser.add_argument("--float32", action="store_true", help="half the time; the tutorial computes in float64")
    options = parser.parse_args()
    left = set() if "all" in options.correct else DEFECTS.keys() - set(options.correct)
    for rate in options.rate:
        match options.table:
            case "corrected":
                for defect in DEFECTS:
                    measure(f"corrected: {defect}", DEFECTS.keys() - {defect}, options, rate)
            case "put back":
                for defect in DEFECTS:
                    measure(f"put back: {defect}", {defect}, options, rate)
            case None:
                measure(f"corrected: {', '.join(options.correct) or 'nothing'}", left, options, rate)


if __name__ == "__main__":
    main()
