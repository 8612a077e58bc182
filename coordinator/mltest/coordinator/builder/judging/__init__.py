"""What predictions, models and data are worth: the arithmetic of the tests; in the builder's child only."""
