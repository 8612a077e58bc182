"""The product with one safeguard taken out, in this process and in every program that tests start."""
