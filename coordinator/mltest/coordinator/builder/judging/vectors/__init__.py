"""Support vector machines: bounds, attacks, and estimates from their training."""
