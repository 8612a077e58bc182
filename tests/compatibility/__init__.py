"""Which family of models runs in which runtime: tried with real data, and written into docs/compatibility.md."""
