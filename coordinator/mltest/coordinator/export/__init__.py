"""A candidate as a folder that runs elsewhere: its artifact, a script, what it needs, and what was measured of it."""
