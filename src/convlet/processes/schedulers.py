"""Who is who among several processes: from what is given, and from what a scheduler has set."""

import re
from collections.abc import Mapping, Sequence

from convlet.checks import whole_number
from convlet.errors import InputError

# What schedulers call a process's place and the number of them. Where one runs inside another, the inner one counts.
SCHEDULERS = (
    ("JAX_PROCESS_ID", "JAX_NUM_PROCESSES"),
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
    ("RANK", "WORLD_SIZE"),
    ("PMI_RANK", "PMI_SIZE"),
    ("SLURM_PROCID", "SLURM_NTASKS"),
)
HOST = re.compile(r"(?:[^\s:/\[\]]+|\[[0-9A-Fa-f:.]+\]):(?P<port>[0-9]{1,5})")


def who_is_who(
    hosts: Sequence[str] | None, process_id: int | None, variables: Mapping[str, str]
) -> tuple[str, int, int]:
    """(meeting place, number of processes, this one's place), from what is given and what a scheduler has set."""
    if hosts is not None and not hosts:
        raise InputError("hosts=[]: expected one host:port for each process, such as 'node1:12321'.")
    rank, scheduled_place, scheduled_count = _scheduled(variables)
    place = scheduled_place if process_id is None else whole_number("process_id", process_id, at_least=0)
    count = len(hosts) if hosts else scheduled_count
    address = hosts[0] if hosts else _meeting_place(variables)
    if address is None or count is None:
        raise InputError(
            "hosts=None: no scheduler has said who they are. Give one host:port a process, or set "
            "JAX_COORDINATOR_ADDRESS (or MASTER_ADDR and MASTER_PORT) and one of "
            f"{', '.join(size for _, size in SCHEDULERS)}."
        )
    if place is None:
        known = ", ".join(rank for rank, _ in SCHEDULERS)
        raise InputError(f"process_id=None: give this process's place, from 0, or set one of {known}.")
    if hosts and process_id is None and scheduled_count not in (None, count):
        raise InputError(f"hosts: {count} of them, but by {rank}'s scheduler there are {scheduled_count} processes.")
    for host in hosts or [address]:
        _check_host("hosts" if hosts else "meeting place", host)
    if place >= count:
        raise InputError(f"process_id={place}: expected 0 to {count - 1}, one place for each of the {count} hosts.")
    return address, count, place


def _scheduled(variables: Mapping[str, str]) -> tuple[str, int | None, int | None]:
    """(variable, this process's place, how many there are) by the innermost scheduler that has set a place.

    Where that one has not said how many there are, another one may have.
    """
    rank, size = next(((rank, size) for rank, size in SCHEDULERS if rank in variables), ("", ""))
    if size not in variables:
        size = next((size for _, size in SCHEDULERS if size in variables), "")
    return rank, _number(variables, rank), _number(variables, size)


def _number(variables: Mapping[str, str], name: str) -> int | None:
    if name not in variables:
        return None
    try:
        return whole_number(name, int(variables[name]), at_least=0)
    except ValueError:
        raise InputError(f"{name}={variables[name]!r}: expected a whole number.") from None


def _check_host(what: str, host: str) -> None:
    if not (found := HOST.fullmatch(host)) or not 0 < int(found["port"]) < 65536:
        raise InputError(f"{what}: {host!r}: expected host:port, such as 'node1:12321' or '[::1]:12321'.")


def _meeting_place(variables: Mapping[str, str]) -> str | None:
    named = variables.get("JAX_COORDINATOR_ADDRESS")
    if named is None and {"MASTER_ADDR", "MASTER_PORT"} <= variables.keys():
        return f"{variables['MASTER_ADDR']}:{variables['MASTER_PORT']}"
    return named
