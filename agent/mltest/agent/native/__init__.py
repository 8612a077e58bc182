"""Calls without Python: a loop in C, compiled where it runs, around the C interfaces of runtimes; for workers only."""
