"""Many pictures: how fast they are decoded, what memory training on them takes, and whether it waits for them.

    python examples/many_pictures.py FOLDER                  200,000 JPEGs of 64 × 64 in colour, made there if need be
    python examples/many_pictures.py FOLDER --count 2000     a first look

FOLDER and what is kept of it in the cache folder, which is said, may be deleted afterwards. Each figure is of a process
of its own: one decodes, the next trains on what is kept.
"""

import argparse
import multiprocessing
import resource
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import convlet as cl

CLASSES = 20
SIDE = 64
AT_ONCE = 500  # pictures that a process makes at a time


def make(folder: Path, start: int) -> None:
    """The pictures from one on, `AT_ONCE` of them: waves whose direction is the class, under noise."""
    rows, columns = np.mgrid[:SIDE, :SIDE] / SIDE
    for number in range(start, start + AT_ONCE):
        label, random = number % CLASSES, np.random.default_rng(number)
        angle, phase = np.pi * label / CLASSES, random.uniform(0, 2 * np.pi, 3)
        waves = np.sin(20 * (np.cos(angle) * rows + np.sin(angle) * columns)[..., np.newaxis] + phase)
        pixels = 128 + 60 * waves + random.normal(0, 20, (SIDE, SIDE, 3))
        path = folder / f"{label:02}" / f"{number:06}.jpg"
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path, quality=90)


def make_all(folder: Path, count: int) -> None:
    """All pictures, unless there is a folder."""
    if folder.exists():
        return
    for label in range(CLASSES):
        (folder / f"{label:02}").mkdir(parents=True)
    with ProcessPoolExecutor() as pool:
        list(pool.map(make, [folder] * len(range(0, count, AT_ONCE)), range(0, count, AT_ONCE)))


def decoded(folder: Path) -> dict[str, Any]:
    """The seconds that loading takes, and what it says."""
    started = time.perf_counter()
    data = cl.datasets.load(folder)
    seconds = time.perf_counter() - started
    assert data.collected is not None
    return {"images": len(data.collected.files), "seconds": seconds, "notes": data.collected.notes, "GB": resident()}


def trained(folder: Path, steps: int) -> dict[str, Any]:
    """How long it takes from the start to the first step, and what share of the time steps wait for their batches."""
    started, first = time.perf_counter(), []

    def watch(_: cl.Run) -> None:
        if not first:
            first.append(time.perf_counter() - started)

    data = cl.datasets.load(folder)
    network = cl.networks.air("S", data.image_shape, CLASSES)
    run = cl.fit(network, data, batch_size=64, steps=steps, progress=False, watch=watch)
    clock = run.clock
    return {
        "first": first[0],
        "waiting": clock.waiting / clock.steps,
        "per step": clock.steps / steps,
        "GB": resident(),
    }


def resident() -> float:
    """The most memory that this process has had, in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def alone(function: Callable[..., dict[str, Any]], *arguments: object) -> dict[str, Any]:
    """What a function returns in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def main() -> None:
    """Make, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=200_000)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--only", choices=["make", "decode", "train"], help="One of the three alone.")
    options = parser.parse_args()
    if options.only in (None, "make"):
        make_all(options.folder, options.count)
    if options.only in (None, "decode"):
        found = alone(decoded, options.folder)
        rate = found["images"] / found["seconds"]
        print(*found["notes"], sep="\n")
        print(f"{found['images']:,} loaded in {found['seconds']:.1f} s: {rate:,.0f} a second, {found['GB']:.2f} GB")
    if options.only in (None, "train"):
        found = alone(trained, options.folder, options.steps)
        print(f"first step after {found['first']:.1f} s, {found['GB']:.2f} GB resident at most")
        print(f"{1e3 * found['per step']:.1f} ms a step, of which {found['waiting']:.1%} is waiting for its batch")


if __name__ == "__main__":
    main()
