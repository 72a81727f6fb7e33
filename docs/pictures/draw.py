"""The pictures of `docs/performance.md`, computed and drawn: python docs/pictures/draw.py

Numbers come from the recipe `deep-mnist`, from the engine's own plan of it, and from a short training (`measured.py`).
The same weights give the same bytes.
"""

from pathlib import Path
from typing import Any

import numpy as np
from drawing import arrow, bare, box, label, letters, named, squares
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from measured import (
    BATCH,
    LIGHT,
    SLOTS,
    STEPS,
    found_in_cache,
    living,
    multiply_adds,
    one_map,
    schedule,
    stored,
    trained,
)

import convlet as cl
from convlet.report.figures.style import (
    AROUND_ZERO,
    BLUE,
    FAINT,
    GREEN,
    INK,
    PAPER,
    QUIET,
    VERMILION,
    blank,
    style,
    to_bytes,
)

HERE = Path(__file__).parent


def work(rows: list[tuple[str, float, float]]) -> Figure:
    everything, ours = (sum(row[i] for row in rows) for i in (1, 2))
    remark = (
        f"Million multiply-adds an image: {everything:.1f} are all of it, {ours:.1f} are left after {STEPS:,} steps"
    )
    figure = blank(9, 3.5, "The same step with a third of the arithmetic", remark)
    axes = figure.subplots()
    y = np.arange(len(rows))
    axes.barh(y, [row[1] for row in rows], 0.72, color=FAINT, label="all of it")
    axes.barh(y, [row[2] for row in rows], 0.72, color=BLUE, label="computed here")
    for i, (_, all_of_it, here) in enumerate(rows):
        text = f"{here:.2f} of {all_of_it:.2f}" if here < all_of_it else f"{here:.2f}"
        axes.text(all_of_it + 0.12, i, text, va="center", fontsize=9)
    axes.set_yticks(y, [row[0] for row in rows])
    axes.set(xlim=(0, 12), ylim=(len(rows) - 0.4, -0.6), xlabel="million multiply-adds an image")
    axes.grid(False, axis="y")
    axes.tick_params(length=0)
    axes.legend(loc="center right")
    return figure


def winners(seen: dict[str, Any]) -> Figure:
    alive = seen["gradient"] != 0
    remark = f"One of the 64 maps of the second convolution: {alive.sum()} of its 196 positions carry a gradient"
    figure = blank(11, 3.4, "After ReLU and pooling, most positions are out of the game", remark, compressed=True)
    image, before, kept, gradient = figure.subplots(1, 4)
    image.imshow(seen["image"], cmap="gray")
    named(image, "An image", "28 × 28 pixels")
    for axes, values, title, below in (
        (before, seen["map"], "Its feature map", "orange above 0, blue below, ○ wins"),
        (kept, np.where(alive, seen["map"], 0), "What pooling hands on", f"the {alive.sum()} winners above 0"),
        (gradient, seen["gradient"], "What the loss sends back", "a gradient for each winner, 0 elsewhere"),
    ):
        most = np.abs(values).max()
        axes.imshow(values, cmap=AROUND_ZERO, vmin=-most, vmax=most)
        named(axes, title, below)
        for at in np.arange(-0.5, 14, 2):
            axes.axhline(at, color=QUIET, linewidth=0.6)
            axes.axvline(at, color=QUIET, linewidth=0.6)
    rows, columns = np.nonzero(alive)
    before.plot(columns, rows, "o", markersize=3.4, markerfacecolor=PAPER, markeredgecolor=INK, markeredgewidth=0.8)
    return figure


def winograd() -> Figure:
    remark = "The four 5×5 sections of a 6×6 tile give 2×2 outputs: exactly one pooling window"
    figure = blank(9.6, 6, "Winograd F(2×2, 5×5): 36 products in place of 100", remark)
    axes = bare(figure.subplots(), 38, 24.5)
    label(axes, 0, 0.2, "Directly: each output is a sum of 25 products", ha="left", fontweight="bold")
    for k, (i, j) in enumerate([(0, 0), (0, 1), (1, 0), (1, 1)]):
        rows, columns = range(i, i + 5), range(j, j + 5)
        colours = [[LIGHT[BLUE] if y in rows and x in columns else FAINT for x in range(6)] for y in range(6)]
        squares(axes, 6.4 * k, 1.8, colours, 0.85)
        label(axes, 6.4 * k + 2.55, 7.1, f"section {'abcd'[k]}")
    arrow(axes, (25.2, 4.4), (27.8, 4.4))
    window(axes, 28.4, 3)
    label(axes, 32, 3.3, "4 × 25 = 100\nproducts a channel", ha="left")

    label(axes, 0, 9.8, "By points: tile and kernel meet once, value by value", ha="left", fontweight="bold")
    squares(axes, 0, 11.4, [[LIGHT[BLUE]] * 6] * 6, 0.85)
    label(axes, 2.55, 16.6, "tile x, 6 × 6")
    squares(axes, 0.4, 18.6, [[LIGHT[GREEN]] * 5] * 5, 0.85)
    label(axes, 2.55, 23, "kernel w, 5 × 5")
    for y, name, colour in ((14, "Bᵀ x B", BLUE), (20.7, "G w Gᵀ", GREEN)):
        label(axes, 7.1, y - 1.5, name, color=QUIET)
        arrow(axes, (5.6, y), (8.6, y))
        squares(axes, 9.1, y - 2.55, [[colour] * 6] * 6, 0.85)
        label(axes, 11.65, y + 2.6, "36 values")
        arrow(axes, (14.7, y), (18.2, 17.35 + (y - 17.35) * 0.35))
    label(axes, 16.6, 17.35, "×", fontsize=17, va="center")
    squares(axes, 18.7, 14.8, [[VERMILION] * 6] * 6, 0.85)
    label(axes, 21.25, 20.1, "36 products m,\nsummed over\nthe channels")
    label(axes, 26.2, 15.9, "Aᵀ m A", color=QUIET)
    arrow(axes, (24.4, 17.4), (27.8, 17.4))
    window(axes, 28.4, 16)
    label(axes, 32, 16.3, "6 × 6 = 36\nproducts a channel", ha="left")
    return figure


def window(axes: Axes, x: float, y: float) -> None:
    """The four outputs of a pooling window."""
    for k, name in enumerate("abcd"):
        box(axes, x + k % 2 * 1.4, y + k // 2 * 1.4, 1.4, 1.4, BLUE, name)


def memory() -> Figure:
    remark = f"Floats of 4 bytes; a batch of {BATCH} images; the network of the recipe deep-mnist"
    figure = blank(10, 4.6, "Moving less", remark)
    left, right = figure.subplots(2, 1, height_ratios=(3, 2))
    for y, (_, pieces) in enumerate(stored()):
        x = 0.0
        for name, size, colour in pieces:
            left.barh(y, size - 0.15, 0.66, left=x, color=colour)
            left.text(
                x + size / 2,
                y,
                f"{name}\n{size:.1f}",
                ha="center",
                va="center",
                fontsize=8.5,
                color=letters(colour),
            )
            x += size
        left.text(x + 0.6, y, f"{x:.1f} MB", va="center", fontweight="bold")
    left.text(13, 2, "pooled outputs, their gradients, and who won", va="center", fontsize=9, color=QUIET)
    left.set_yticks(range(3), [name for name, _ in stored()])
    left.set(xlim=(0, 63), ylim=(2.6, -0.6), xticks=[])
    left.set_title("Stored for the backward pass of both convolutions, with their pooling", fontsize=10.5)
    passes = ["read w:\nforward", "read w:\nbackward", "write g", "read g", "read w", "read m", "read v"]
    passes += ["write w", "write m", "write v"]
    size = SLOTS / 3
    for y, skipped in enumerate(({}, {1, 2, 3})):
        for i in (i for i in range(10) if i not in skipped):
            colour = VERMILION if i in (1, 2, 3) else GREEN if i < 1 else BLUE
            right.barh(y, 0.94, 0.72, left=i, color=colour)
            right.text(i + 0.47, y, passes[i], ha="center", va="center", color=PAPER, fontsize=8.5)
        right.text(10.1, y, f"{(10 - len(skipped)) * size:.1f} MB", va="center", fontweight="bold")
    right.set_yticks(range(2), ["one thing\nat a time", "gradient + Adam\nin one pass"])
    right.set(xlim=(0, 11.2), ylim=(1.6, -0.6))
    title = f"Through memory for the large dense layer: {size:.1f} MB of weights w, as much of g, m and v"
    right.set_title(title, fontsize=10.5)
    for axes in (left, right):
        axes.grid(False)
        axes.set_xticks([])
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)
    return figure


def sweeps(blocks: int = 49, room: int = 40) -> Figure:
    remark = f"A model: {blocks} blocks, {SLOTS:.1f} MB; a cache of 32 MB keeps the {room} used last. Blue: found there"
    figure = blank(9.4, 2.5, "Sweeping back and forth meets first what was used last", remark)
    for axes, back in zip(figure.subplots(1, 2), (False, True), strict=True):
        bare(axes, 50.5, 16).set_aspect("auto")
        found = found_in_cache(4, blocks, room, back)
        for sweep, row in enumerate(found):
            for block, hit in enumerate(row):
                box(axes, block, 4 * sweep, 1, 2.7, BLUE if hit else FAINT)
            ends = (49, 0) if back and sweep % 2 else (0, 49)
            arrow(axes, (ends[0], 4 * sweep + 3.3), (ends[1], 4 * sweep + 3.3))
        name = "back and forth" if back else "always forwards"
        axes.set_title(f"{name}: {int(found[-1].sum())} of {blocks} found in cache", fontsize=10.5)
    return figure


def registers() -> Figure:
    remark = "Sums of 4 positions × 16 filters, one value in Python; LLVM cuts it to what the machine has"
    figure = blank(9.4, 2.7, "One vector of 64 floats", remark)
    axes = bare(figure.subplots(), 64, 19)
    axes.set_aspect("auto")
    rows = [(4, BLUE, "in Python:\n4 rows × 16"), (4, GREEN, "AVX-512"), (8, GREEN, "AVX2"), (16, GREEN, "ARM NEON")]
    axes.set_xlim(-10, 78)
    for i, (pieces, colour, name) in enumerate(rows):
        y, width = 4.8 * i, 64 / pieces
        label(axes, -0.8, y + 1.6, name, ha="right", va="center")
        for piece in range(pieces):
            box(axes, piece * width, y, width, 3.2, colour, f"{width:.0f}")
        label(axes, 65, y + 1.6, "one value" if i == 0 else f"{pieces} registers", ha="left", va="center")
    return figure


def threads() -> Figure:
    jobs = [
        ("gradient of kernels", [5, 4, 6, 5, 4, 5], False, BLUE),
        ("sum of its parts", [2, 1], False, VERMILION),
        ("gradient of images", [6, 5, 5, 6], True, GREEN),
        ("update", [3], False, QUIET),
    ]
    remark = (
        "Whoever is free takes the next part. Lengths are made up; parts, their order and what they wait for are not"
    )
    figure = blank(10, 3.6, "The same 13 parts, whoever computes them", remark)
    axes = figure.subplots()
    ticks, y, ends = {}, 0.0, []
    for count in (1, 2, 4):
        parts = schedule(jobs, count)
        for number, (thread, job, start, length) in enumerate(parts):
            box(axes, start, y + thread, length, 0.84, jobs[job][3], str(number + 1))
        ends.append(max(start + length for _, _, start, length in parts))
        for thread in range(count):
            ticks[y + thread + 0.42] = f"thread {thread}"
        label(axes, ends[-1] + 0.6, y + count / 2, f"{count} thread{'s' * (count > 1)}", ha="left", va="center")
        y += count + 0.6
    for name, _, alongside, colour in jobs:
        axes.plot(
            [], [], "s", color=colour, markersize=9, label=name + (", which need not wait for it" if alongside else "")
        )
    axes.set_yticks(list(ticks), list(ticks.values()))
    axes.set(xlim=(0, 64), ylim=(y - 0.5, -0.2), xticks=[], xlabel="time →")
    axes.grid(False)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.legend(loc="lower right")
    return figure


def main() -> None:
    """Draw everything."""
    run, data = trained(), cl.datasets.mnist()
    drawings = {
        "work": lambda: work(multiply_adds(living(run, data.validation))),
        "winners": lambda: winners(one_map(run, data.validation, 0, 14)),
        "winograd": winograd,
        "memory": memory,
        "sweeps": sweeps,
        "registers": registers,
        "threads": threads,
    }
    for name, draw in drawings.items():
        with style():
            (HERE / f"{name}.svg").write_bytes(to_bytes(draw(), "svg"))


if __name__ == "__main__":
    main()
