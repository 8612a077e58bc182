"""Networks as chains and branches of a few operators with derivatives and bounds; in the builder's child only."""
