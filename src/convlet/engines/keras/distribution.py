"""One network trained by several processes, on one machine or many, with JAX: joining them, and who is who.

Every process runs the same program with the same seed, joins its group first, and then sees the devices of all (see
`sharding.py`): each holds all weights and computes its share of each batch. On one machine with several GPUs there
is nothing to join: one process uses all of them.

What it is not: a way to start processes. ssh, a shell loop or a scheduler does that.
"""

import os
import re
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.metadata import version
from typing import Any

from convlet.checks import whole_number
from convlet.engines import Accept, Files
from convlet.engines.keras.backend import load_backend
from convlet.engines.keras.greetings import stdout_to_stderr
from convlet.engines.keras.meeting import Meeting
from convlet.environment import environment
from convlet.errors import EngineError, GroupError, InputError

# What schedulers call a process's place and the number of them. Where one runs inside another, the inner one counts.
SCHEDULERS = (
    ("JAX_PROCESS_ID", "JAX_NUM_PROCESSES"),
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
    ("RANK", "WORLD_SIZE"),
    ("PMI_RANK", "PMI_SIZE"),
    ("SLURM_PROCID", "SLURM_NTASKS"),
)
HOST = re.compile(r"(?:[^\s:/\[\]]+|\[[0-9A-Fa-f:.]+\]):(?P<port>[0-9]{1,5})")
SECONDS = 300  # to wait for the others
VERSIONS = ("keras", "jax", "jaxlib")  # other ones may compute, and exchange, something else


class Group(Meeting):
    """The processes of a run, this one being number `place` of `count`; see `convlet.engines.Group`."""

    @property
    def is_main(self) -> bool:
        return self.place == 0

    def join(self, alike: Mapping[str, str], files: Files | None = None, accept: Accept | None = None) -> None:
        """See `convlet.engines.Group`. The versions of Keras and JAX and the processor must be alike too."""
        alike = {**alike, **{name: version(name) for name in VERSIONS}, "processor": environment()["processor"]}
        self.attend(alike, files or {}, accept or (lambda files: None))
        jax = _jax()
        try:
            with stdout_to_stderr():  # gloo greets its peers
                jax.distributed.initialize(
                    self.address,
                    self.count,
                    self.place,
                    cluster_detection_method="deactivate",
                    initialization_timeout=SECONDS,
                )
                if jax.default_backend() == "cpu":
                    _connect_directly()
        except RuntimeError as error:
            raise GroupError(
                f"process {self.place} of {self.count} met the others at {self.address}, but JAX could not connect "
                f"them: {error} Join before anything else uses JAX, and only once."
            ) from error


def group(hosts: Sequence[str] | None = None, process_id: int | None = None) -> Group:
    """The group that this process belongs to.

    `hosts` has one "host:port" a process, the same list for each; the first is where they meet. `process_id` is this
    process's place in it, from 0. What is not given is taken from what schedulers set: the place and the number of
    processes by Slurm, Open MPI, MPICH or torchrun, and the meeting place from JAX_COORDINATOR_ADDRESS or MASTER_ADDR
    and MASTER_PORT.

    Raises InputError where something is missing or wrong, EngineError where the backend is not JAX.
    """
    if (backend := load_backend()) != "jax":
        raise EngineError(f"backend={backend!r}: several processes need 'jax'. Start with KERAS_BACKEND=jax.")
    address, count, place = _who_is_who(hosts, process_id, os.environ)
    return Group(place, count, address, timeout=SECONDS)


def _connect_directly() -> None:
    """Make the connections that all later sums use, and do without the meeting place from here on.

    Where that stays, JAX ends a process from within, with no error to catch, when the first one is lost. The direct
    connections report a lost process as an error. (On GPUs connections are made as they are needed, so it stays.)
    """
    from convlet.engines.keras.sharding import Devices

    Devices().meet()
    _jax().distributed.shutdown()


def _jax() -> Any:
    return import_module("jax")


def _who_is_who(
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
