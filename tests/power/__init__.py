"""A disk that loses its power: everything that was written to it, and what may be left after a cut."""
