"""How the workers of a visit come to be: started by the agent itself, or by the worker unit of systemd."""
