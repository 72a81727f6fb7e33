"""Where JAX's arrays live: values on every device, a batch divided among them.

One program runs in every process, on the same global batch; XLA inserts the sums over devices that its mean loss and
its batch statistics need, so what is computed does not depend on how many devices there are.
"""

import time
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from convlet.engines.keras.model import Feed
from convlet.errors import GroupError, InputError
from convlet.signals import Stop, abandon_threads

PATIENCE = 600  # seconds for the slowest process to catch up: it may be evaluating, or writing a checkpoint
STOP_SECONDS = 5  # the same, for a process that was asked to stop: schedulers kill it in half a minute


class Devices:
    """All devices of all processes of this run, in a row."""

    def __init__(self) -> None:
        self.count = jax.device_count()
        self.several_processes = jax.process_count() > 1
        mesh = Mesh(np.array(jax.devices()), ("images",))
        self.everywhere = NamedSharding(mesh, PartitionSpec())
        self._divided = NamedSharding(mesh, PartitionSpec("images"))

    def give_all(self, values: Any) -> Any:
        """Every device holds a copy of every array. The copies are the engine's own, never the caller's memory."""
        return jax.tree.map(lambda value: self._place(np.array(value), self.everywhere), values)

    def own(self, values: Any) -> Any:
        """This process's copy of every array that all devices hold: to use it, no other process is needed."""
        return jax.tree.map(lambda value: value.addressable_data(0), values)

    def share(self, feed: Feed) -> Feed:
        """Each device receives its share of the batch's images; what no share of this process holds is not read.

        A batch that cannot be divided evenly is computed whole by every device.
        """
        placement = self.everywhere if len(feed.labels) % self.count else self._divided
        return jax.tree.map(lambda array: self._place(array, placement), feed)

    def check_batch_size(self, batch_size: int) -> None:
        """Raise an InputError unless a batch divides evenly among all devices: otherwise each computes all of it."""
        if batch_size % self.count:
            lower = batch_size // self.count * self.count
            raise InputError(
                f"batch_size={batch_size}: expected a multiple of the run's {self.count} devices, "
                f"such as {lower or self.count} or {lower + self.count}."
            )

    def _place(self, array: Any, placement: NamedSharding) -> jax.Array:
        return jax.make_array_from_callback(array.shape, placement, lambda part: array[part])

    def meet(self) -> None:
        """One sum over all devices, which connects them."""
        ones = self._place(np.ones(self.count, np.float32), self._divided)
        self.wait(jax.jit(jax.numpy.sum, out_shardings=self.everywhere)(ones))

    def wait(self, results: Any) -> Any:
        """The results, computed.

        Raises GroupError where another process is gone, or silent for PATIENCE seconds; Stopped where a signal has
        asked for it and the others let this process wait any longer; MemoryError where a device's memory is not enough.
        """
        try:
            if self.several_processes:
                self._wait_for_others(results)
            return jax.block_until_ready(results)
        except jax.errors.JaxRuntimeError as error:
            if "RESOURCE_EXHAUSTED" in str(error):
                raise MemoryError(str(error).splitlines()[0]) from error
            if not self.several_processes:
                raise
            reason = str(error).splitlines()[0]
            raise GroupError(self._lost(f"lost another process, or the network to it ({reason})")) from error

    def _wait_for_others(self, results: Any) -> None:
        """Return when the results are there, which needs all processes. Python's signals are heard meanwhile."""
        deadline, stop = time.monotonic() + PATIENCE, Stop.current
        asked_to_stop = False
        try:
            while not all(array.is_ready() for array in jax.tree.leaves(results)):
                if stop is not None and stop.signal is not None and not asked_to_stop:
                    asked_to_stop, deadline = True, min(deadline, time.monotonic() + STOP_SECONDS)
                if time.monotonic() > deadline:
                    if stop is not None:
                        stop.check()
                    raise GroupError(self._lost(f"heard nothing from another process for {PATIENCE} seconds"))
                time.sleep(0.0005)
        except (GroupError, KeyboardInterrupt):  # Stopped is one
            abandon_threads()  # the device's own waits for the others
            raise

    def _lost(self, what: str) -> str:
        return (
            f"process {jax.process_index()} of {jax.process_count()} {what}. The step it was in is undone: "
            "start all of them again, resuming from the last checkpoint."
        )
