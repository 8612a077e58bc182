"""How a model predicts in its own library: used by the builder for the reference and by workers for the baseline.

Nothing here is imported by a daemon: every module may import NumPy, and opens untrusted bytes.
"""
