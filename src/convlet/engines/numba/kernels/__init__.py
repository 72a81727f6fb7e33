"""The kernels: compiled functions that compute one part of one layer."""
