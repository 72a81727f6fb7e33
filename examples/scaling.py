"""What several machines gain, on paper: the time to compute a step against the time to exchange its gradients.

    python examples/scaling.py                                        machines like the one of docs/performance.md
    python examples/scaling.py --gflops 10000 --gbit 100 --batch 512  a GPU each, and a fast network between them

Every process computes its share of the batch; then all add up their gradients. In a ring of n, each process sends and
receives 2 (n − 1) / n of the gradients' bytes, the least that is possible, in 2 (n − 1) messages (Patarasuk and Yuan,
"Bandwidth optimal all-reduce algorithms for clusters of workstations", 2009, section 3). Here nothing is computed
while something is exchanged; a framework may hide part of it.
"""

import argparse
from dataclasses import dataclass, replace

import convlet as cl

PROCESSES = (1, 2, 4, 8, 16, 64)
BYTES = 4  # of a float32


@dataclass(frozen=True)
class Machines:
    """What each process has: multiply-adds and their additions a second, bits a second, seconds to send nothing."""

    gflops: float
    gbit: float
    latency: float

    def computing(self, network: cl.Sequential, images: float) -> float:
        """Seconds of a step on so many images."""
        return 2 * network.training_multiply_adds * images / (1e9 * self.gflops)

    def exchanging(self, network: cl.Sequential, processes: int) -> float:
        """Seconds to add up the gradients of all processes."""
        messages = 2 * (processes - 1)
        return messages * (self.latency + network.weights * BYTES / processes / (1e9 / 8 * self.gbit))


def wider(network: cl.Sequential, times: int) -> cl.Sequential:
    """The network with so many times as many filters and units in every layer but the last."""
    *hidden, last = network.layers
    widened = []
    for layer in hidden:
        match layer:
            case cl.Conv2D():
                widened.append(replace(layer, filters=layer.filters * times))
            case cl.Dense():
                widened.append(replace(layer, units=layer.units * times))
            case _:
                widened.append(layer)
    return cl.Sequential([*widened, last], network.input_shape)


def table(name: str, network: cl.Sequential, machines: Machines, batch: int) -> str:
    """One line for each number of processes: the batch shared by all, and a batch for each."""
    weights, work = network.weights, 2 * network.training_multiply_adds
    lines = [
        f"{name}: {weights:,} weights, {weights * BYTES / 1e6:,.1f} MB of gradients; "
        f"{work / 1e6:,.0f} MFLOP an image, {work / weights:.1f} a weight",
        f"{'':10}  one batch of {batch} for all{'':>13}  {batch} for each",
        f"{'processes':>10}  {'compute':>9} {'exchange':>9} {'step':>9} {'gain':>7}  {'step':>9} {'gain':>7}",
    ]
    alone = machines.computing(network, batch)
    for count in PROCESSES:
        exchange = machines.exchanging(network, count)
        shared, each = alone / count + exchange, alone + exchange
        ms = [f"{1e3 * seconds:,.1f} ms" for seconds in (alone / count, exchange, shared, each)]
        lines.append(
            f"{count:>10}  {ms[0]:>9} {ms[1]:>9} {ms[2]:>9} {alone / shared:>5.2f} ×  "
            f"{ms[3]:>9} {count * alone / each:>5.2f} ×"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", nargs="?", default="deep-mnist")
    parser.add_argument("--gflops", type=float, default=60, help="what a process computes; measure it by convlet train")
    parser.add_argument("--gbit", type=float, default=10, help="what the network carries, in Gbit/s")
    parser.add_argument("--latency", type=float, default=50e-6, help="seconds that an empty message takes")
    parser.add_argument("--batch", type=int, default=50)
    parser.add_argument("--times", type=int, default=10, help="as wide is the second network")
    options = parser.parse_args()
    network = cl.load_recipe(options.recipe).network
    machines = Machines(options.gflops, options.gbit, options.latency)
    print(table(options.recipe, network, machines, options.batch), end="\n\n")
    name = f"{options.recipe}, {options.times} times as wide"
    print(table(name, wider(network, options.times), machines, options.batch))


if __name__ == "__main__":
    main()
