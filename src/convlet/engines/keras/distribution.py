"""One network trained by several processes, on one machine or many, with JAX: how they are joined.

Every process runs the same program with the same seed, joins its group first, and then sees the devices of all (see
`sharding.py`): each holds all weights and computes its share of each batch. On one machine with several GPUs there
is nothing to join: one process uses all of them.

What it is not: a way to start processes. ssh, a shell loop or a scheduler does that.
"""

import os
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.metadata import version
from typing import Any

from convlet.engines.keras.backend import load_backend
from convlet.engines.keras.library_output import stdout_to_stderr
from convlet.environment import environment
from convlet.errors import EngineError, GroupError
from convlet.processes.group import Accept, Files
from convlet.processes.rendezvous import Rendezvous
from convlet.processes.schedulers import who_is_who

SECONDS = 300  # to wait for the others
VERSIONS = ("keras", "jax", "jaxlib")  # other ones may compute, and exchange, something else


class JaxGroup(Rendezvous):
    """The processes of a run, this one being number `place` of `count`; see `convlet.engines.Group`."""

    @property
    def is_main(self) -> bool:
        return self.place == 0

    def join(self, alike: Mapping[str, str], files: Files | None = None, accept: Accept | None = None) -> None:
        """See `convlet.engines.Group`. The versions of Keras and JAX and the processor must be alike too."""
        alike = {**alike, **{name: version(name) for name in VERSIONS}, "processor": environment()["processor"]}
        self.meet(alike, files or {}, accept or (lambda files: None))
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


def group(hosts: Sequence[str] | None = None, process_id: int | None = None) -> JaxGroup:
    """The group that this process belongs to.

    `hosts` has one "host:port" a process, the same list for each; the first is where they meet. `process_id` is this
    process's place in it, from 0. What is not given is taken from what schedulers set: the place and the number of
    processes by Slurm, Open MPI, MPICH or torchrun, and the meeting place from JAX_COORDINATOR_ADDRESS or MASTER_ADDR
    and MASTER_PORT.

    Raises InputError where something is missing or wrong, EngineError where the backend is not JAX.
    """
    if (backend := load_backend()) != "jax":
        raise EngineError(f"backend={backend!r}: several processes need 'jax'. Start with KERAS_BACKEND=jax.")
    address, count, place = who_is_who(hosts, process_id, os.environ)
    return JaxGroup(place, count, address, timeout=SECONDS)


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
