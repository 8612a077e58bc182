"""Transforms: what makes another model of a model, in the model's own format, before any exporter."""
