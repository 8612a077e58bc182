"""Which row of the table of promises (docs/promises.md) is proved by which test, and how that went."""
