"""Virtual environments of runtimes that cannot, or should not, live in the agent's own."""
