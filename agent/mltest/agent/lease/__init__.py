"""Who may use the agent: a lease with a fencing token that never goes back."""
