"""Networks, optimizers and schedules as words and numbers: no arrays, no engine."""
