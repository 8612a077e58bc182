"""Which features a model goes by."""
