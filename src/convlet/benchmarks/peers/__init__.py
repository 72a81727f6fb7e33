"""How each framework takes a step. A module here is imported only in the process that measures it.

A peer is given the network with our initial weights, in the public layout, and batches once, to hold in the form it
likes best; then it takes steps, or predicts. What it must compute is what convlet computes: the mean cross-entropy's
gradient, the optimizer's step, dropout of its own drawing.
"""
