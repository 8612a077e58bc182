"""What the machine is: read from the kernel's files and from tools on the path, in a child of the agent only."""
