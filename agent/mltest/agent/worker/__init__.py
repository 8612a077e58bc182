"""What runs in a worker, and the shape of what it says; only this side imports NumPy and runtimes."""
