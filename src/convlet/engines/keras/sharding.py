"""Where JAX's arrays live: values on every device, a batch divided among them.

One program runs in every process, on the same global batch; XLA inserts the sums over devices that its mean loss and
its batch statistics need, so what is computed does not depend on how many devices there are.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from convlet.engines.keras.model import Batch
from convlet.errors import EngineError


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

    def share(self, batch: Batch) -> Batch:
        """Each device receives its share of the batch's images; what no share of this process holds is not read.

        A batch that cannot be divided evenly, such as an epoch's short last one, is computed whole by every device.
        """
        placement = self.everywhere if len(batch.labels) % self.count else self._divided
        return jax.tree.map(lambda array: self._place(array, placement), batch)

    def _place(self, array: Any, placement: NamedSharding) -> jax.Array:
        return jax.make_array_from_callback(array.shape, placement, lambda part: array[part])

    @contextmanager
    def all_needed(self) -> Iterator[None]:
        """Around what all processes do together. Raises EngineError where one of them is gone."""
        try:
            yield
        except jax.errors.JaxRuntimeError as error:
            if not self.several_processes:
                raise
            raise EngineError(
                f"process {jax.process_index()} lost another of the run's {jax.process_count()} processes, or the "
                "network to it. Nothing of this step was kept: start all of them again, resuming from the checkpoint."
            ) from error
