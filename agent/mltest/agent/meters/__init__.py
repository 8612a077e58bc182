"""Meters: what reads energy or power on this machine. Each module here registers one kind."""
