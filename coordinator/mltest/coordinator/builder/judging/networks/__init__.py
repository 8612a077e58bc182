"""Networks: what they are made of, attacks along their gradients, and proofs."""
