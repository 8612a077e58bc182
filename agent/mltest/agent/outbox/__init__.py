"""What happened, on the agent's own disk until somebody has it: survives the agent's process, not a half-done visit."""
