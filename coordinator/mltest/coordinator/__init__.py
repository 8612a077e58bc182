"""The coordinator: derives candidates, has agents measure them, stores and ranks what comes back."""
