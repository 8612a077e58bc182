"""What agent and coordinator have in common: domain values, contract mapping, errors, blobs, child processes."""
