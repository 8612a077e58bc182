"""Hostile files, made by code when a test runs: none is ever committed."""
