"""The agent: describes a machine, takes visits, measures candidates in fresh processes, streams what happened."""
