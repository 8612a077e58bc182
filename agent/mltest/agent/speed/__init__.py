"""The speed check: a small fixed piece of work before and after a job: is the machine still the same."""
