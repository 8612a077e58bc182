"""File systems of machines whose energy can be read, or cannot."""
