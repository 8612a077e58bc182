"""Says what makes this machine a bad ruler, and how to mend it."""
