"""Tests: what is evaluated about a candidate, and the registry that holds them."""
