"""One network trained by several processes, on one machine or many, with JAX: joining them, and who is who.

Every process runs the same program with the same seed, joins its group first, and then sees the devices of all (see
`sharding.py`): each holds all weights and computes its share of each batch. On one machine with several GPUs there
is nothing to join: one process uses all of them.

What it is not: a way to start processes. ssh, a shell loop or a scheduler does that.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from convlet.checks import whole_number
from convlet.engines.keras.backend import load_backend
from convlet.engines.keras.greetings import stdout_to_stderr
from convlet.engines.keras.meeting import Meeting
from convlet.errors import EngineError, GroupError, InputError

RANKS = ("JAX_PROCESS_ID", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK", "PMI_RANK", "RANK")
SIZES = ("JAX_NUM_PROCESSES", "SLURM_NTASKS", "OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "WORLD_SIZE")


@dataclass(frozen=True)
class Group:
    """The processes of a run, this one being number `place` of `count`; see `convlet.engines.Group`."""

    place: int
    count: int
    address: str
    timeout: int = 300  # seconds to wait for the others

    @property
    def is_main(self) -> bool:
        return self.place == 0

    def join(self, alike: Mapping[str, str], files: Mapping[str, bytes] | None = None) -> dict[str, bytes]:
        given = Meeting(self.place, self.count, self.address, self.timeout).attend(alike, files or {})
        jax = _jax()
        try:
            with stdout_to_stderr():  # gloo greets its peers
                jax.distributed.initialize(
                    self.address,
                    self.count,
                    self.place,
                    cluster_detection_method="deactivate",
                    initialization_timeout=self.timeout,
                )
                if jax.default_backend() == "cpu":
                    _connect_directly()
        except RuntimeError as error:
            raise GroupError(
                f"process {self.place} of {self.count} met the others at {self.address}, but JAX could not connect "
                f"them: {error} Join before anything else uses JAX, and only once."
            ) from error
        return given


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
    return Group(place, count, address)


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
    hosts: Sequence[str] | None, process_id: int | None, environment: Mapping[str, str]
) -> tuple[str, int, int]:
    """(meeting place, number of processes, this one's place), from what is given and what a scheduler has set."""
    place = _first(environment, RANKS) if process_id is None else whole_number("process_id", process_id, at_least=0)
    count = len(hosts) if hosts else _first(environment, SIZES)
    meeting = hosts[0] if hosts else _meeting_place(environment)
    if place is None:
        raise InputError(f"process_id=None: give this process's place, from 0, or set one of {', '.join(RANKS)}.")
    if meeting is None or count is None:
        raise InputError(
            "hosts=None: give one host:port a process, or set JAX_COORDINATOR_ADDRESS (or MASTER_ADDR and "
            f"MASTER_PORT) and one of {', '.join(SIZES)}."
        )
    for host in hosts or [meeting]:
        _check_host(host)
    if place >= count:
        raise InputError(f"process_id={place}: expected 0 to {count - 1}, one place for each of the {count} hosts.")
    return meeting, count, place


def _check_host(host: str) -> None:
    name, _, port = host.rpartition(":")
    if not name or not port.isdecimal() or not 0 < int(port) < 65536:
        raise InputError(f"hosts: {host!r}: expected host:port, such as 'node1:12321'.")


def _meeting_place(environment: Mapping[str, str]) -> str | None:
    if "MASTER_ADDR" in environment and "MASTER_PORT" in environment:
        return (
            environment.get("JAX_COORDINATOR_ADDRESS") or f"{environment['MASTER_ADDR']}:{environment['MASTER_PORT']}"
        )
    return environment.get("JAX_COORDINATOR_ADDRESS")


def _first(environment: Mapping[str, str], names: Sequence[str]) -> int | None:
    """The number in the first of these variables that is set."""
    for name in names:
        if name in environment:
            try:
                return whole_number(name, int(environment[name]), at_least=0)
            except ValueError:
                raise InputError(f"{name}={environment[name]!r}: expected a whole number.") from None
    return None
