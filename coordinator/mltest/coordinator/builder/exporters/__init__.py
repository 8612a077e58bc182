"""Exporters: what turns a model into the artifact of a candidate."""
