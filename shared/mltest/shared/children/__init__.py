"""Child processes that open untrusted bytes: how they start, are asked, and end with all that they started."""
