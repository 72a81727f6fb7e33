"""How many photographed digits are read right, for each thing that can be wrong with a photograph.

    python examples/photographs.py runs/lenet-5-1                 1,080 photographs, a table
    python examples/photographs.py runs/lenet-5-1 --count 5       a first look
    python examples/photographs.py runs/lenet-5-1 --keep FOLDER   the photographs too, to look at
    python examples/photographs.py runs/lenet-5-1 --kinds clean --count 1000    what looking for one costs clean digits

The photographs are made from MNIST's test images (`camera.py`); the same images as they are in MNIST are the measure
of what the photograph cost. A photograph in which no digit, or more than one, is found counts as read wrong. The kind
"clean" is no photograph: it is MNIST's image itself, as a picture of 28 × 28 pixels.
"""

import argparse
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from camera import KINDS, everything, jpeg, photograph
from PIL import Image

import convlet as cl
from convlet.datasets.digits import find_digit
from convlet.errors import DataError

SURE = 0.9
CLEAN = "clean"
PHOTOGRAPHS = [*KINDS, "everything at once"]


@dataclass(frozen=True)
class Result:
    """Of one kind of photograph: how many, how many right, how many of the same images right as they are in MNIST.

    `unsure` are those of which the network is less than 90 % sure or the finder in doubt, `unsure_wrong` the wrong ones
    among them, those without a digit included.
    """

    kind: str
    photographs: int
    right: int
    originals_right: int
    unsure: int
    unsure_wrong: int


def measure(run: cl.Run, kind: str, count: int, seed: int, keep: Path | None = None) -> Result:
    """Photograph the first `count` test images in this way, and read them."""
    test = cl.datasets.mnist().test.take(slice(count))
    pixels, doubtful = np.zeros((count, 28, 28, 1), np.uint8), np.zeros(count, bool)
    for i, image in enumerate(test.images):
        random = np.random.default_rng((seed, sum(kind.encode()), i))
        file, ending = taken(image[..., 0], kind, random)
        if keep is not None:
            (keep / f"{kind} {i}.{ending}").write_bytes(file)
        try:
            digit = find_digit(Image.open(io.BytesIO(file)), f"{kind} {i}")
            pixels[i, ..., 0], doubtful[i] = digit.pixels, bool(digit.doubt)
        except DataError:
            doubtful[i] = True
    probabilities = run.predict(pixels)
    found = pixels.any(axis=(1, 2, 3))
    right = (probabilities.argmax(axis=1) == test.labels) & found
    unsure = doubtful | (probabilities.max(axis=1) < SURE)
    originals = run.predict(test.images).argmax(axis=1) == test.labels
    return Result(kind, count, *(int(a.sum()) for a in (right, originals, unsure, unsure & ~right)))


def taken(digit: np.ndarray, kind: str, random: np.random.Generator) -> tuple[bytes, str]:
    """A picture of this kind of a digit (28, 28) of 0 to 255, as a file, and how its name ends."""
    if kind == CLEAN:
        Image.fromarray(digit).save(file := io.BytesIO(), "PNG")
        return file.getvalue(), "png"
    scene = KINDS[kind] if kind in KINDS else everything(random)
    return jpeg(photograph(digit, scene, random), scene.quality), "jpg"


def table(results: list[Result]) -> str:
    """A row for each kind and one for all, in Markdown."""
    total = Result("all", *(sum(getattr(r, name) for r in results) for name in list(Result.__annotations__)[1:]))
    lines = [
        "| photographs | how many | read right | the originals | in doubt | of these wrong |",
        "|---|---|---|---|---|---|",
    ]
    for r in [*results, total]:
        right, originals = (f"{share / r.photographs:.1%}".replace("%", " %") for share in (r.right, r.originals_right))
        lines.append(
            f"| {r.kind} | {r.photographs:,} | {right} | {originals} | {r.unsure} | "
            f"{r.unsure_wrong} of {r.photographs - r.right} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", help="a run on MNIST")
    parser.add_argument("--count", type=int, default=45, help="photographs of each kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="a folder for the photographs")
    parser.add_argument("--kinds", nargs="+", default=PHOTOGRAPHS, choices=[*PHOTOGRAPHS, CLEAN], metavar="KIND")
    options = parser.parse_args()
    if options.keep is not None:
        options.keep.mkdir(parents=True, exist_ok=True)
    run = cl.load(options.run)
    results = []
    for kind in options.kinds:
        results.append(measure(run, kind, options.count, options.seed, options.keep))
        print(results[-1], flush=True)
    print(table(results))


if __name__ == "__main__":
    main()
