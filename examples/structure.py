"""Structure against overfitting: one network, four times, differing only in how it reuses its weights.

    python examples/structure.py             docs/pictures/structure.svg and .png, and their numbers, structure.csv
    python examples/structure.py --quick     a little of it, printed

"Overfitting is concerned with the ratio between the number of weights in the model and the number of datapoints", says
the tutorial; structure, "to reuse weights for multiple purposes", lowers it. Here a first hidden layer has 12 × 12 × 8
outputs, a second 4 × 4 × 16, and ten outputs follow. The four differ in what a hidden output looks at:

    dense           everything below, with weights of its own                                  1,202,058 weights
    local           sections of 5 × 5, each with weights of its own; the largest of 2 × 2        328,202
    convolution     the same sections, all with the same weights; the largest of 2 × 2             5,994
    shuffled        the same convolution, but the pixels of all images are shuffled, always in the same way.
                    That is the control: as few weights, but no pattern is left to be found in several places.

What is in structure.csv already is not trained again, so a long run may be stopped and taken up, or shared between
two terminals: `--kinds local` in one, `--kinds dense convolution shuffled` in the other.
"""

import argparse
import csv
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from structure_figure import draw
from unshared import UnsharedProgram, initial_parameters

import convlet as cl
from convlet import Dataset, Examples
from convlet.engines import Batch, default_engine, engine
from convlet.runs.evaluation import evaluate
from convlet.training.batches import batch_indices

PICTURES = Path(__file__).parent.parent / "docs" / "pictures"
KINDS = ("dense", "local", "convolution", "shuffled")
SEEDS = {100: 5, 300: 5, 1_000: 5, 3_000: 3, 10_000: 3, 55_000: 3}  # training images: how many seeds
BATCH, RATE, STEPS, VALIDATE_EVERY, PATIENCE = 50, 1e-3, 4_000, 100, 5

RELU = {"activation": "relu", "kernel_initializer": cl.HeNormal()}
CONVOLUTION = cl.Sequential(
    [
        *(cl.Conv2D(8, 5, **RELU), cl.MaxPooling2D(2)),
        *(cl.Conv2D(16, 5, **RELU), cl.MaxPooling2D(2)),
        *(cl.Flatten(), cl.Dense(10)),
    ],
    input_shape=(28, 28, 1),
)
DENSE = cl.Sequential(
    [cl.Flatten(), cl.Dense(12 * 12 * 8, **RELU), cl.Dense(4 * 4 * 16, **RELU), cl.Dense(10)], input_shape=(28, 28, 1)
)


def program_of(kind: str, seed: int) -> Any:
    """A network of this kind, ready to train."""
    if kind == "local":
        return UnsharedProgram(CONVOLUTION, initial_parameters(CONVOLUTION, seed), cl.Adam(RATE))
    network = DENSE if kind == "dense" else CONVOLUTION
    return engine(default_engine()).compile(network, network.initial_parameters(seed), cl.Adam(RATE))


def data_for(kind: str, count: int, seed: int) -> Dataset:
    """MNIST with `count` training images, chosen by the seed alone."""
    mnist = cl.datasets.mnist()
    chosen = np.random.default_rng(seed).permutation(len(mnist.train))[:count]
    data = replace(mnist, train=mnist.train.take(chosen))
    return shuffled(data) if kind == "shuffled" else data


def shuffled(data: Dataset) -> Dataset:
    """The pixels of every image in another order, the same one for all."""
    order = np.random.default_rng(0).permutation(28 * 28)

    def mix(part: Examples) -> Examples:
        images = part.images.reshape(len(part), -1)[:, order].reshape(part.images.shape)
        return Examples.from_arrays(images, part.labels, classes=10)

    return replace(data, train=mix(data.train), validation=mix(data.validation), test=mix(data.test))


def train(kind: str, count: int, seed: int, steps: int = STEPS) -> dict[str, Any]:
    """Train until validation has not got better for five rounds; what is measured is the best of validation."""
    data, program = data_for(kind, count, seed), program_of(kind, seed)
    best, best_step, kept = -1.0, 0, program.state()
    for step in range(1, steps + 1):
        images, labels = data.train.batch(batch_indices(count, BATCH, seed, step - 1))
        program.step(Batch(images, labels), RATE)
        if step % VALIDATE_EVERY == 0 or step == steps:
            accuracy = evaluate(program, data.validation).accuracy
            if accuracy > best:
                best, best_step, kept = accuracy, step, program.state()
            if step - best_step >= PATIENCE * VALIDATE_EVERY:
                break
    program.restore(kept)
    return {
        "kind": kind,
        "images": count,
        "seed": seed,
        "weights": sum(array.size for array in kept.parameters.values()),
        "steps": best_step,
        "train": evaluate(program, data.train).accuracy,
        "validation": best,
        "test": evaluate(program, data.test).accuracy,
    }


def rows_of(path: Path) -> list[dict[str, Any]]:
    """The rows of a table of results: of each, the kind is a word, the rest are numbers."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [
            {name: value if name == "kind" else float(value) for name, value in row.items()}
            for row in csv.DictReader(file)
        ]


HEADINGS = "kind          images  seed    weights  steps   train  validation    test"


def line_of(row: dict[str, Any]) -> str:
    """A training in a line of the table under HEADINGS."""
    counts = f"{row['kind']:<12} {row['images']:>7,} {row['seed']:>5} {row['weights']:>10,} {row['steps']:>6,}"
    return f"{counts} {row['train']:>7.2%} {row['validation']:>11.2%} {row['test']:>7.2%}"


def experiment(path: Path, kinds: list[str], sizes: list[int]) -> None:
    """Train all that is not in the table yet, and add a row for each as it is done."""
    print(HEADINGS)
    done = {(row["kind"], row["images"], row["seed"]) for row in rows_of(path)}
    for count, kind in product(sizes, kinds):
        for seed in range(1, SEEDS[count] + 1):
            if (kind, count, seed) in done:
                continue
            row = train(kind, count, seed)
            with path.open("a", newline="", encoding="utf-8") as file:
                table = csv.DictWriter(file, row, lineterminator="\n")
                if file.tell() == 0:
                    table.writeheader()
                table.writerow(row)
            print(line_of(row), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--images", nargs="+", type=int, choices=SEEDS, default=list(SEEDS))
    parser.add_argument("--quick", action="store_true", help="300 images, 300 steps, one seed; nothing is saved")
    options = parser.parse_args()
    if options.quick:
        print(HEADINGS)
        for kind in options.kinds:
            print(line_of(train(kind, 300, seed=1, steps=300)), flush=True)
        return
    experiment(PICTURES / "structure.csv", options.kinds, options.images)
    draw(rows_of(PICTURES / "structure.csv"), PICTURES / "structure")


if __name__ == "__main__":
    main()
