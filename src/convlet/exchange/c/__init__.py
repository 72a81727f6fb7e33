"""A network as one C99 header, for small devices: weights, and what computes them, with no library but C's own.

What it is not: a compiler. The functions stand in functions/, in C, as one reads them; here they are chosen and called.

    simplifying.py   the network with its normalisations folded in, and every activation a layer of its own
    calls.py         one call of a C function; where in the scratch memory each value lies
    site.py          a layer in its place, and its window (windows.py)
    float32.py       each kind of layer as such a call
    int8/            the same in integers of 8 bits
    text.py          names, numbers and texts as C takes them
    writing.py       the whole header
    exporting.py     of a run, checked before it is written
"""
