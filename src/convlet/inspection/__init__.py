"""A data set, looked at before a network is trained on it: what is in it, and what is wrong with it.

    views        all images as one row; smaller ones, to measure on
    properties   brightness, contrast, sharpness, colours; which images are unusual beside the others
    near         images that are nearly the same
    neighbours   the nearest points to each, exactly
    crossing     small networks that judge what they were not trained on
    doubts       labels that they do not believe; images unlike the others
    shortcuts    does one property alone tell the classes apart?
    files        sizes and forms of the files
    findings     all of this in words, and what to do
    inspection   `inspect`: everything, in its order

What it is not: it changes nothing, in no file. Copies are `datasets.duplicates`'.
"""

from convlet.inspection.inspection import Inspection, inspect

__all__ = ["Inspection", "inspect"]
