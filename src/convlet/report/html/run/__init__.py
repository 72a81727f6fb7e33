"""The report of a run, a page of one file, in the order in which one asks.

    verdict     how good it is, beside what needs no network; what to fix first
    confusion   which classes are taken for which: each number opens its images
    mistakes    the worst of them, with what the network looked at
    classes     each class; whether it is right as often as it is sure
    faults      what an inspection found wrong with the data
    making      how it learnt, what was chosen, how to repeat it
    report      all of this, in this order

The figures are those of `facts.evaluation`, so that a page and a terminal cannot differ.
"""
