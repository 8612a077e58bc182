"""What mltest itself costs. Each module prints a table and writes the same figures to build/bench/NAME.json.

The machine may be busy: what is compared is measured in one run, interleaved, and told as the ratio of medians.
"""
