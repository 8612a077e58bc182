"""Source code in C for what is made of matrix products: linear models, support vector machines, small networks."""
