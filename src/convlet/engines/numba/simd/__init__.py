"""Vectors of any width as a Numba type, and what else of the processor Numba has no name for."""
