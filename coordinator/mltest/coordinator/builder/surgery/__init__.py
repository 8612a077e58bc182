"""What transforms do to fitted estimators and graphs: pure functions; nothing is trained again."""
