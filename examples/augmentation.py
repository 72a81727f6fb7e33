"""How much augmentation gains, where images are few: LeNet-5 on the first 1,000 of MNIST, with more and more of it.

    python examples/augmentation.py                          2,000 steps, 3 seeds: a few minutes
    python examples/augmentation.py --steps 200 --seeds 1    a first look

Every list adds to the one before it. The learning rate falls along half a cosine, so that nothing but the images
differs; the test images are looked at once, at the end of each run.
"""

import argparse
from dataclasses import replace

import numpy as np

import convlet as cl

LISTS = {
    "as they are": (),
    "+ shift": (cl.augmentation.Shift(0.07),),
    "+ rotation, scale, shear": (
        *(cl.augmentation.Shift(0.07), cl.augmentation.Rotation(10)),
        *(cl.augmentation.Scale(0.1), cl.augmentation.Shear(10)),
    ),
}
LISTS["+ elastic"] = (*LISTS["+ rotation, scale, shear"], cl.augmentation.Elastic(0.1))
LISTS["+ mixup"] = (*LISTS["+ elastic"], cl.augmentation.Mixup(0.2))


def accuracies(data: cl.Dataset, name: str, steps: int, seeds: int) -> list[float]:
    """The test accuracy of each seed's run on images augmented by that list."""
    network = cl.load_recipe("lenet-5").network
    assert data.test is not None
    return [
        cl.fit(
            network,
            data,
            augmentation=LISTS[name],
            optimizer=cl.Adam(cl.Cosine(2e-3)),
            batch_size=32,
            steps=steps,
            seed=seed,
            progress=False,
        )
        .evaluate(data.test)
        .accuracy
        for seed in range(seeds)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--seeds", type=int, default=3)
    chosen = parser.parse_args()
    mnist = cl.datasets.mnist()
    data = replace(mnist, train=mnist.train.take(slice(chosen.images)), validation=None)
    print("| images | test accuracy | standard deviation |\n|---|---|---|")
    for name in LISTS:
        reached = accuracies(data, name, chosen.steps, chosen.seeds)
        print(f"| {name} | {100 * np.mean(reached):.2f} % | {100 * np.std(reached):.2f} |", flush=True)


if __name__ == "__main__":
    main()
