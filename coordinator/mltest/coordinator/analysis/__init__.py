"""Statistics, paired comparisons and ranking, recomputable from what is stored. Pure."""
