"""`mltest-agent tune`: sets what makes a machine a better ruler, says so before, and puts it back exactly."""
