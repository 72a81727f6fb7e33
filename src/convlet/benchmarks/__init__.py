"""Step time against every framework that is installed here: what `convlet bench` does.

Read it in this order:

    workloads.py     what is measured: a network, a batch size, an optimizer, images
    sweeps.py        workloads in a row, which differ in one number
    competitors.py   who is measured: a name, a class to import, what must be installed for it
    selection.py     which of both, from names
    peers/           how each framework takes a step, as its users would write it or at its best
    worker.py        the process that one competitor lives in, and what it answers
    process.py       this side of that process
    validation.py    the same losses and logits as the numpy engine's, or no figure
    rounds.py        A B C A B C …: everyone takes turns; nobody computes while another does
    results.py       medians, spreads and ratios, as plain numbers
    accuracy.py      how long training takes to reach an accuracy; trial.py is one such training, by one of them

What it is not: part of training or predicting. Nothing here is imported unless a benchmark is run, and a framework
only in the process that measures it: two of them in one process fight for the cores with their threads.
"""
