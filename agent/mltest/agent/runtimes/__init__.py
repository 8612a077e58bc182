"""Runtimes: what executes an artifact in a worker."""
