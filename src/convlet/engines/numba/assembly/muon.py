"""The jobs of Muon's step: for each kernel some twenty in a row, those of all kernels side by side."""

from collections.abc import Sequence
from itertools import zip_longest
from typing import NamedTuple

import numpy as np

from convlet.checks import Shape
from convlet.descriptions.optimizers.muon import COEFFICIENTS, ITERATIONS, stretch
from convlet.engines.numba.assembly.block_context import PARTS, Memory
from convlet.engines.numba.assembly.weights import Grid
from convlet.engines.numba.buffers import padded
from convlet.engines.numba.kernels import muon
from convlet.engines.numba.running.worklist import Job

NUMBER = np.float32


class Moving(NamedTuple):
    """A kernel that Muon moves: its public shape, how it lies, and its flat arrays."""

    name: str
    shape: Shape
    grid: Grid
    settings: np.ndarray
    scale: np.ndarray
    gradient: np.ndarray
    velocity: np.ndarray
    values: np.ndarray


def muon_jobs(kernels: Sequence[Moving], memory: Memory) -> list[Job]:
    """The jobs for all kernels: a stage of each, side by side, then the next stage."""
    jobs: list[Job] = []
    for stage in zip_longest(*(_stages(kernel, memory) for kernel in kernels)):
        together = [job for job in stage if job is not None]
        jobs += [Job(j.kernel, j.size, j.arguments, j.parts, i > 0, j.label) for i, j in enumerate(together)]
    return jobs


def _stages(it: Moving, memory: Memory) -> list[Job]:
    m, n, lines = _places(it.grid)
    tiles, count = -(-m // muon.TILE), it.grid.blocks * it.grid.K
    x, y = (memory.get(f"muon {what} {it.name}", tiles * muon.TILE * n) for what in ("x", "y"))
    square, polynomial = (memory.get(f"muon {what} {it.name}", n * n) for what in ("square", "polynomial"))
    sums, factor = memory.get(f"muon sums {it.name}", count, np.float64), memory.get(f"muon factor {it.name}", 1)

    def job(kernel: object, size: int, *arguments: object, parts: int = PARTS) -> Job:
        return Job(kernel, size, arguments, max(1, min(parts, size)), label=f"{it.name}: {kernel.__name__}")  # type: ignore

    stages = [
        job(muon.momentum, count, it.settings, it.scale, it.gradient, it.velocity, x, sums, lines),
        job(muon.measure, 1, sums, factor),
        job(muon.shrink, tiles * muon.TILE, factor, x, m, min(it.grid.units, it.grid.inputs), n),
    ]
    a, b, c = (NUMBER(each) for each in COEFFICIENTS)
    for _ in range(ITERATIONS):
        stages += [
            job(muon.multiply, n // muon.TILE, x, 1, n, x, x, NUMBER(0), NUMBER(1), square, m, n),
            job(muon.multiply, n // muon.TILE, square, n, 1, square, square, b, c, polynomial, n, n),
            job(muon.multiply, tiles, x, n, 1, polynomial, x, a, NUMBER(1), y, n, n),
        ]
        x, y = y, x
    return [*stages, job(muon.move, count, it.settings, NUMBER(stretch(it.shape)), x, it.values, lines)]


def _places(grid: Grid) -> tuple[int, int, muon.Lines]:
    """(rows, columns) of the matrix, the shorter side along its rows, and where the kernel's numbers are in it."""
    wide = grid.units <= grid.inputs
    n = padded(min(grid.units, grid.inputs))
    unit, number = (1, n) if wide else (n, 1)  # how far apart in the matrix two units, and two inputs, are
    of_line, of_number = (number, unit) if grid.units_in_line else (unit, number)
    return max(grid.units, grid.inputs), n, muon.Lines(grid.K, grid.L, grid.L * number, of_line, of_number)
