"""A visit: one block of candidates, started, measured in alternating slices, reported, ended."""
