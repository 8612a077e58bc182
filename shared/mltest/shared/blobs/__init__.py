"""Content-addressed bytes: the store on disk, the service that takes them in, and its client."""
