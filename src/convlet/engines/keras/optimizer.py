"""Our optimizer as Keras's. Both write the same formulas, so only names differ.

Keras's Adam has ε outside the bias correction, as ours has; its velocity is our v, its momentum our m. Weight decay is
decoupled in both, comes before the step, and takes from every weight that is learnt, biases too. The learning rate is
given at every step, so schedules stay ours.
"""

from collections.abc import Mapping

import keras

from convlet.descriptions.optimizers import SGD, Adam, Optimizer


def build_optimizer(optimizer: Optimizer, learnt: Mapping[str, keras.Variable]) -> keras.optimizers.Optimizer:
    """The Keras optimizer that takes the same steps on these variables."""
    decay = {"weight_decay": optimizer.weight_decay or None} if isinstance(optimizer, SGD | Adam) else {}
    match optimizer:
        case SGD() as it:
            built = keras.optimizers.SGD(1.0, float(it.momentum), it.nesterov, **decay)
        case Adam() as it:
            built = keras.optimizers.Adam(1.0, it.beta_1, it.beta_2, it.epsilon, **decay)
        case _:
            raise TypeError(f"no Keras optimizer for {type(optimizer).__name__}")
    built.build(list(learnt.values()))
    return built


def slot_variables(
    optimizer: Optimizer, built: keras.optimizers.Optimizer, learnt: Mapping[str, keras.Variable]
) -> dict[str, keras.Variable]:
    """The optimizer's arrays by their public names, "conv2d_1/kernel/m".

    Keras keeps them after its step count and learning rate, parameter by parameter, each one's in the slots' order.
    """
    names = [f"{name}/{slot}" for name in learnt for slot in optimizer.slots]
    return dict(zip(names, built.variables[2:], strict=True))
