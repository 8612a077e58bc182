"""An agent and its coordinators without processes, network or time: each message and each death is a step of a test."""
