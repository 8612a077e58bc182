"""Energy from stored raw readings: every published joule can be computed again. Pure."""
