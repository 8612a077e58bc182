"""FastInference (github.com/sbuschjaeger/fastinference, upstream, unmodified): where it is, and how it is driven."""
