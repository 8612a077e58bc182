"""The agents: who is there, and everything that is said to one of them."""
