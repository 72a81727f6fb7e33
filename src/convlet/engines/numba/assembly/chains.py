"""The order of a pass: image by image through as many jobs as there can be, while what they hand on is in the cache.

Blocks list their jobs one after the other, each for the whole batch. But most kernels go image by image, and a batch
of maps is larger than the cache: when the next job reads what the one before it wrote, it has long left. So jobs in a
row that go image by image become a `Chain`: each part of the batch goes through all of them. A chain ends at a job
that needs all images, such as the statistics of a batch. The numbers are the same: parts are what they were.

A job's `order` says what it is there for:
    image by image   of each image (or part of the batch) it needs only what jobs before left of the same one
    first, second    it needs nothing but weights, or also what a first one left of them: before all chains of a pass
    late             whoever needs what it gives comes after all chains that may end behind it
    total            as late, but all that follows needs it
    in turn          it needs all that is before it, and all that follows needs it
"""

from collections.abc import Sequence
from dataclasses import replace

from convlet.engines.numba.assembly.block_context import PARTS
from convlet.engines.numba.running.worklist import Chain, Job


def chained(jobs: Sequence[Job], N: int) -> list[Job | Chain]:
    """The jobs of a pass over N images, in an order that gives the same, with chains of them."""
    early = [job for order in ("first", "second") for job in _beside([job for job in jobs if job.order == order])]
    steps: list[Job | Chain] = []
    chain: list[Job] = []
    late: list[Job] = []

    def end() -> None:
        steps.extend([Chain(tuple(chain), PARTS)] if len(chain) > 1 else chain)
        steps.extend(_beside(late))
        chain.clear()
        late.clear()

    for job in jobs:
        if job.order in ("first", "second"):
            steps.extend(early)  # before the chain that is being made
            early = []
        elif job.order == "late":
            late.append(job)
        elif job.order == "total":
            late.append(job)
            end()
        elif _fits(job, N):
            chain.append(job)
        else:
            end()
            steps.append(job)
    end()
    return steps


def _fits(job: Job, N: int) -> bool:
    """Whether the job may be cut where all others of a chain are: between images, as they are divided into parts."""
    return N >= PARTS and job.order == "image by image" and job.groups in (N, PARTS)


def _beside(jobs: Sequence[Job]) -> list[Job]:
    """Jobs of which none needs another."""
    return [replace(job, alongside=i > 0) for i, job in enumerate(jobs)]
