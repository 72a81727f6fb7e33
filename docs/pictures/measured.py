"""What the pictures of `docs/performance.md` show: counted, measured in a short training, or simulated.

The training of 1,000 steps takes less than a minute, and is kept in runs/pictures for the next time.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import convlet as cl
from convlet.datasets import Examples
from convlet.engines.numba.assembly.layouts import frames
from convlet.engines.numba.assembly.lowering import lower
from convlet.engines.numpy.layer import backward, forward
from convlet.losses import softmax_cross_entropy
from convlet.report.figures.style import BLUE, FAINT, GREEN, QUIET, VERMILION
from convlet.runs import recipe

RECIPE, STEPS, BATCH = recipe.load_recipe("deep-mnist"), 1000, 50
LIGHT = {BLUE: "#CFE4F2", VERMILION: "#FADCC8", GREEN: "#CDEBE1", QUIET: FAINT}
FLOAT = 4  # bytes
SLOTS = 3 * 3136 * 1024 * FLOAT / 1e6  # MB of the large dense layer's weights and of Adam's two numbers for each


def trained() -> cl.Run:
    """The tutorial's deep network after the first 1,000 steps of its recipe."""
    folder = Path(__file__).parents[2] / "runs" / "pictures"
    if (folder / "last.safetensors").exists():
        return cl.load(folder)
    data, how = cl.datasets.mnist(), {"batch_size": BATCH, "steps": STEPS, "run_dir": folder}
    return cl.fit(RECIPE.network, data, optimizer=RECIPE.optimizer, **how)


def living(run: cl.Run, examples: Examples) -> dict[str, float]:
    """The shares of outputs that carry gradient: of both pooled convolutions, and of the large dense layer."""
    images, _ = examples.batch(slice(1000))
    outputs = run.program.activations(images)
    pooled = {name: float((outputs[name] > 0).mean()) for name in ("max_pooling2d_1", "max_pooling2d_2")}
    return {**pooled, "dense_1": float((outputs["dense_1"] > 0).mean()) * 0.5}  # dropout keeps half of them


def multiply_adds(alive: dict[str, float]) -> list[tuple[str, float, float]]:
    """(what, all of the arithmetic, what is computed here), in millions an image, in the order of a step."""
    cost = {placed.name: placed.multiply_adds / 1e6 for placed in RECIPE.network}
    conv1, conv2, dense, last = (cost[name] for name in ("conv2d_1", "conv2d_2", "dense_1", "dense_2"))
    winners = conv2 / 4 * alive["max_pooling2d_2"]
    return [
        ("first convolution, forward", conv1, conv1),
        ("second convolution, forward", conv2, conv2 * 36 / 100),
        ("dense layer, forward", dense, dense),
        ("last layer, forward and backward", 3 * last, 3 * last),
        ("dense layer, backward", 2 * dense, 2 * dense * alive["dense_1"]),
        ("second convolution, gradient of kernels", conv2, winners),
        ("second convolution, gradient of images", conv2, winners),
        ("first convolution, gradient of kernels", conv1, conv1),
    ]


def one_map(run: cl.Run, examples: Examples, index: int, feature: int) -> dict[str, Any]:
    """An image, one map of the second convolution before ReLU, and the loss's gradient by that map."""
    images, labels = examples.batch(slice(index, index + 1))
    parameters, values, seen = run.program.state().parameters, images, {"image": images[0, :, :, 0]}
    memories, masks = [], {"dropout_1": np.ones((1, 1024), bool)}
    own = [{name.split("/")[1]: parameters[name] for name in placed.parameters} for placed in run.network]
    for placed, weights in zip(run.network, own, strict=True):
        if placed.name == "conv2d_2":
            linear = replace(placed, layer=replace(placed.layer, activation=None))
            sums, _ = forward(linear, weights, values, masks)
            seen["map"] = sums[0, :, :, feature]
        values, memory = forward(placed, weights, values, masks)
        memories.append(memory)
    _, gradient = softmax_cross_entropy(values, labels)
    for placed, weights, memory in reversed(list(zip(run.network, own, memories, strict=True))):
        if placed.name == "conv2d_2":
            seen["gradient"] = gradient[0, :, :, feature] * (seen["map"] > 0)
            return seen
        gradient, _ = backward(placed, weights, gradient, memory)
    raise AssertionError("there is a second convolution")


def stored() -> list[tuple[str, list[tuple[str, float, str]]]]:
    """What lies in memory between the two convolutions' kernels, in MB a batch, three ways."""
    first, second = (BATCH * frame.size * FLOAT / 1e6 for frame in frames(lower(RECIPE.network))[1:3])
    outputs = {placed.name: BATCH * np.prod(placed.output_shape) / 1e6 for placed in RECIPE.network}
    winners = outputs["max_pooling2d_1"] + outputs["max_pooling2d_2"]  # a byte each
    sections = FLOAT * BATCH * (28 * 28 * 25 + 14 * 14 * 25 * 32) / 1e6
    unpooled = FLOAT * (outputs["conv2d_1"] + outputs["conv2d_2"])
    pooled = [("pooled", 2 * (first + second) + winners, GREEN)]
    outside = [("unpooled", unpooled, BLUE), ("its gradient", unpooled, LIGHT[BLUE])]
    return [
        ("sections cut out,\nlayer by layer", [("sections", sections, VERMILION), *outside, *pooled]),
        ("layer by layer", [*outside, *pooled]),
        ("fused", pooled),
    ]


def schedule(jobs: list[tuple[str, list[int], bool, str]], threads: int) -> list[tuple[int, int, int, int]]:
    """(thread, job, start, length) of every part: whoever is free takes the next one, and waits for what it needs."""
    free, ends, parts, needed, before = [0] * threads, [], [], 0, 0
    for job, (_, lengths, alongside, _) in enumerate(jobs):
        needed = needed if alongside else before
        before += len(lengths)
        for length in lengths:
            thread = free.index(min(free))
            start = max(free[thread], sorted(ends)[needed - 1] if needed else 0)
            parts.append((thread, job, start, length))
            free[thread] = start + length
            ends.append(start + length)
    return parts


def found_in_cache(sweeps: int, blocks: int, room: int, back_and_forth: bool) -> np.ndarray:
    """Which blocks each sweep finds in a cache that holds the last `room` of them: (sweeps, blocks)."""
    recent, found = [], np.zeros((sweeps, blocks), bool)
    for sweep in range(sweeps):
        for block in reversed(range(blocks)) if back_and_forth and sweep % 2 else range(blocks):
            found[sweep, block] = block in recent
            recent = [*(other for other in recent if other != block), block][-room:]
    return found
