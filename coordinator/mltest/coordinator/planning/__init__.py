"""The plan of a job: what is measured, what the table is ordered by, and what a candidate has to keep. Pure."""
