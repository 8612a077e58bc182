"""What a model says when its rows are not what they were."""
