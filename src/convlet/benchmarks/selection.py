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
    named: dict[str, str] = {}  # what a workload is called → what it was asked for by
    found = []
    for asked in dict.fromkeys(WORKLOADS if workload_names is None else workload_names):
        found.append(workloads.workload(asked))
        first = named.setdefault(found[-1].name, asked)
        if first != asked:
            raise InputError(
                f"workloads={asked!r}: called {found[-1].name!r}, as {first!r} is; expected names that tell them apart."
                " Call the file otherwise."
            )
    return Selection(tuple(found), tuple(chosen(competitor_names)))
