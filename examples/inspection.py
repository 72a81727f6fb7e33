"""How much of what is wrong does `inspect` find, and how much that is right does it call wrong? On real images.

    python examples/inspection.py                                    MNIST, which is inside
    python examples/inspection.py --fashion FOLDER                   and Fashion-MNIST, four IDX files
    python examples/inspection.py --animals animal_data_version_3.gz   and the silhouettes of animal-mnist 0.4

Faults are put in on purpose: images saved again, moved by a pixel, made smaller and as large again; labels changed.
Nothing is unpickled: of the silhouettes, which are a pickled array, the pixels are cut out by their number.
"""

import argparse
import gzip
import io
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import convlet as cl
from convlet.datasets.duplicates import copy_groups
from convlet.inspection.crossing import crossed
from convlet.inspection.doubts import by_doubt
from convlet.inspection.near import near_pairs
from convlet.inspection.views import Row

Images = NDArray[np.uint8]
INJECTED = 500  # images of each kind
FLIPPED, LOOKED_AT = 0.02, 0.03  # shares of all labels: changed, and looked at
SILHOUETTES = (10_000, 28, 28)


def saved_again(image: Images, quality: int) -> Images:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def moved(image: Images, down: int, right: int) -> Images:
    padded = np.pad(image, 1, "edge")
    return padded[1 - down : 29 - down, 1 - right : 29 - right]


def smaller(image: Images) -> Images:
    """Nine tenths as large, and as large again, as a folder of pictures brings them all to one size."""
    finely = Image.Resampling.LANCZOS
    return np.asarray(Image.fromarray(image).resize((25, 25), finely).resize((28, 28), finely))


def changes(rng: np.random.Generator) -> dict[str, Callable[[Images], Images]]:
    directions = [(0, 1), (1, 0), (0, -1), (-1, 0), (1, 1), (-1, -1), (1, -1), (-1, 1)]
    return {
        "saved as a JPEG of quality 90": lambda image: saved_again(image, 90),
        "saved as a JPEG of quality 50": lambda image: saved_again(image, 50),
        "moved by a pixel": lambda image: moved(image, *directions[rng.integers(8)]),
        "made 90 % as large": smaller,
    }


def near_copies(data: cl.Dataset) -> None:
    """Of each kind of changed image, how many are found; and how many other pairs are between train and test."""
    rng, row = np.random.default_rng(0), Row(data)
    images, labels = row.images(np.arange(len(row)))[..., 0], row.labels
    kinds = changes(rng)
    chosen = rng.choice(len(images), (len(kinds), INJECTED), replace=False)
    added = [change(image) for change, places in zip(kinds.values(), chosen, strict=True) for image in images[places]]
    everything = Row(cl.Dataset.from_arrays(np.concatenate([images, added]), [*labels, *labels[chosen.ravel()]]))
    groups = copy_groups(everything.images(np.arange(len(everything))))
    _, first = np.unique(groups, return_index=True)
    found = {tuple(pair) for pair in near_pairs(everything, np.sort(first)).pairs.tolist()}
    for i, kind in enumerate(kinds):
        pairs = [(int(place), len(images) + i * INJECTED + j) for j, place in enumerate(chosen[i])]
        hits = sum(pair in found or groups[pair[0]] == groups[pair[1]] for pair in pairs)
        print(f"  {kind}: {hits} of {INJECTED} found")
    trained = row.sizes[0] + (row.sizes[1] if len(row.sizes) > 2 else 0)
    between = sum(a < trained <= b < len(images) for a, b in found)
    print(f"  other near copies, between train and test: {between}")


def flipped_labels(data: cl.Dataset) -> None:
    """Of labels that were changed, how many are among the most doubtful."""
    rng, row = np.random.default_rng(1), Row(data)
    changed = rng.choice(len(row), round(FLIPPED * len(row)), replace=False)
    classes = len(data.classes)
    row.labels[changed] = (row.labels[changed] + rng.integers(1, classes, len(changed))) % classes
    judged = crossed(row, np.arange(len(row)), engine="numba", seed=0, tell=lambda done, total: None)
    top = by_doubt(judged.probabilities, row.labels)[: round(LOOKED_AT * len(row))]
    share = np.isin(changed, top).mean()
    print(f"  {len(changed):,} labels changed: {share:.1%} are among the {len(top):,} most doubtful")


def whole(data: cl.Dataset) -> None:
    """What is found in the set as it is, and how long that takes."""
    few = data.train.take(slice(500))
    cl.inspect((few.images, few.labels))  # compiled, and warm
    started = time.perf_counter()
    inspection = cl.inspect(data)
    print(f"  {len(inspection.row):,} images in {time.perf_counter() - started:.0f} s: {inspection!r}")
    for finding in inspection.findings:
        print(f"    {finding.gravity}  {finding.title}")


def silhouettes(path: Path) -> None:
    """The exact copies among the silhouettes of animal-mnist 0.4."""
    content, pixels = gzip.decompress(path.read_bytes()), int(np.prod(SILHOUETTES))
    start = content.index(b"B" + pixels.to_bytes(4, "little")) + 5  # so a pickle begins so many bytes
    images = np.frombuffer(content, np.uint8, pixels, start).reshape(SILHOUETTES)
    sizes = np.bincount(copy_groups(images))
    pairs = int((sizes * (sizes - 1) // 2).sum())
    print(
        f"animal-mnist: {(sizes > 1).sum()} groups of copies, {pairs} pairs, {len(images) - len(sizes)} images too many"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fashion", type=Path)
    parser.add_argument("--animals", type=Path)
    parser.add_argument("--time", action="store_true", help="time the whole of it, on a quiet machine")
    arguments = parser.parse_args()
    if arguments.animals:
        silhouettes(arguments.animals)
    sets = {"MNIST": "mnist"} | ({"Fashion-MNIST": arguments.fashion} if arguments.fashion else {})
    for name, source in sets.items():
        data = cl.datasets.load(source)
        print(name)
        if arguments.time:
            whole(data)
        else:
            near_copies(data)
            flipped_labels(data)


if __name__ == "__main__":
    main()
