"""Energy counters that only root may read: the helper that reads them, and the agent's side of it."""
