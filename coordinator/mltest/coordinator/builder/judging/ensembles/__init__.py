"""Ensembles of trees: what they are made of, and within which change their answer stays."""
