"""Source code in C for models: a form between model and code, and one printer for each layout; pure, except readers."""
