"""Who may talk to whom: identities, pinned peers, pairing, and the two ends of a mutually authenticated connection."""
