"""Machines whose energy is known, to measure them with the engine."""
