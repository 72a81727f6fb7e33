"""How a run comes about: batches, the loop, saving, resuming, several processes."""
