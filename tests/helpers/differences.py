"""Derivatives measured rather than derived: central differences in float64."""

import numpy as np

EPS = 1e-6


def central_differences(function, arrays):
    """d function() / d array for every number of every array, which are changed in place and put back.

    Where function() is an array, its axes come after those of the number that is changed.
    """
    return {name: _by_each(function, array) for name, array in arrays.items()}


def _by_each(function, array):
    measured = np.empty((*array.shape, *np.shape(function())))
    for place in np.ndindex(array.shape):
        value = array[place]
        array[place] = value + EPS
        above = function()
        array[place] = value - EPS
        below = function()
        array[place] = value
        measured[place] = (above - below) / (2 * EPS)
    return measured


def by_each_array(function, arrays, directions):
    """d function() along the direction through each array alone: it tells which one is wrong, but not where."""
    return {name: directional_derivative(function, {name: arrays[name]}, directions) for name in directions}


def directional_derivative(function, arrays, direction):
    """d function() along one direction through all arrays at once."""

    def at(distance):
        for name, array in arrays.items():
            array += distance * direction[name]
        value = function()
        for name, array in arrays.items():
            array -= distance * direction[name]
        return value

    return (at(EPS) - at(-EPS)) / (2 * EPS)
