"""Opens models and data, makes artifacts, judges predictions: in a sandboxed child, never in the coordinator."""
