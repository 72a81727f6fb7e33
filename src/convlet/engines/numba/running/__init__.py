"""How kernels are run: called by address, written down as a worklist, shared by threads."""
