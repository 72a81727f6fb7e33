"""What is to be measured and by whom, from the names on the command line."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from convlet.benchmarks import sweeps, workloads
from convlet.benchmarks.competitors import IN_SWEEPS, Competitor, chosen
from convlet.benchmarks.sweeps import AXES
from convlet.benchmarks.workloads import WORKLOADS, Workload
from convlet.errors import InputError


@dataclass(frozen=True)
class Selection:
    """Workloads, all measured by the same competitors; `sweep` is their name where they are one."""

    workloads: tuple[Workload, ...]
    competitors: tuple[Competitor, ...]
    sweep: str | None = None

    def facts(self) -> dict[str, Any] | None:
        """The sweep's name, what grows in it, and a title."""
        return (
            {"name": self.sweep, **dict(zip(("axis", "title"), AXES[self.sweep], strict=True))} if self.sweep else None
        )


def select(
    workload_names: Sequence[str] | None, competitor_names: Sequence[str] | None, sweep: str | None = None
) -> Selection:
    """All workloads and competitors but for those that names choose; or a sweep. Raises InputError.

    >>> [each.batch_size for each in select(["lenet-5", "deep-mnist-1-image"], ["numba"]).workloads]
    [32, 1]
    """
    if sweep is not None and workload_names is not None:
        raise InputError(f"sweep={sweep!r}, workloads={', '.join(workload_names)}: expected one of them, not both.")
    if sweep is not None:
        competitors = chosen(IN_SWEEPS if competitor_names is None else competitor_names)
        return Selection(tuple(sweeps.sweep(sweep)), tuple(competitors), sweep)
    names = dict.fromkeys(WORKLOADS if workload_names is None else workload_names)
    return Selection(tuple(map(workloads.workload, names)), tuple(chosen(competitor_names)))
