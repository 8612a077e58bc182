"""Version 1 of the gRPC contract: generated stubs, committed; see proto/generate.py."""
