"""What the machine offers: found out in child processes, described for people and peers."""
