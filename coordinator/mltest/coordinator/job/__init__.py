"""The way of a job: prepared, matched with agents, measured, concluded; every step is stored before the next."""
