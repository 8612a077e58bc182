"""Statistics of timed calls: pure functions over plain numbers; the standard library only."""
